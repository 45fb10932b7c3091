CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE effects (
	effect_id BLOB NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	shard SMALLINT NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	attempts INTEGER NOT NULL, 
	call BLOB NOT NULL, 
	CONSTRAINT pk_effects PRIMARY KEY (effect_id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_effects_shard ON effects (shard);
CREATE TABLE entities (
	kind VARCHAR(40) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	version INTEGER NOT NULL, 
	schema_version SMALLINT NOT NULL, 
	epoch INTEGER NOT NULL, 
	deleted BOOLEAN NOT NULL, 
	state BLOB NOT NULL, 
	CONSTRAINT pk_entities PRIMARY KEY (kind, "key")
)
 WITHOUT ROWID

;
CREATE TABLE hosts (
	incarnation VARCHAR(36) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	lease_until_ms BIGINT NOT NULL, 
	commit_seq BIGINT NOT NULL, 
	fenced BOOLEAN NOT NULL, 
	CONSTRAINT pk_hosts PRIMARY KEY (incarnation)
);
CREATE TABLE inbox (
	message_id BLOB NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	digest BLOB NOT NULL, 
	reply BLOB, 
	handled_at_ms BIGINT NOT NULL, trace_id BLOB, trail BLOB, 
	CONSTRAINT pk_inbox PRIMARY KEY (message_id, kind, "key")
)
 WITHOUT ROWID

;
CREATE TABLE llm_providers (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	base_url VARCHAR(2000) NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	api_key_encrypted TEXT NOT NULL, 
	masked_api_key VARCHAR(20) NOT NULL, 
	organization_id VARCHAR(200), 
	created_at VARCHAR(27) NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, anywhere BOOLEAN DEFAULT 1 NOT NULL, 
	CONSTRAINT pk_llm_providers PRIMARY KEY (id), 
	CONSTRAINT uq_llm_providers_name UNIQUE (name)
);
CREATE TABLE shards (
	shard SMALLINT NOT NULL, 
	owner VARCHAR(36) NOT NULL, 
	epoch INTEGER NOT NULL, 
	CONSTRAINT pk_shards PRIMARY KEY (shard)
);
CREATE TABLE users (
	id VARCHAR(36) NOT NULL, 
	username VARCHAR(80) NOT NULL, 
	email VARCHAR(320), 
	hashed_password VARCHAR(200) NOT NULL, 
	is_active BOOLEAN NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, is_verified BOOLEAN DEFAULT 1 NOT NULL, token_version INTEGER DEFAULT 0 NOT NULL, pending_email VARCHAR(320), verification_hash VARCHAR(64), verification_expires_at VARCHAR(27), reset_hash VARCHAR(64), reset_expires_at VARCHAR(27), 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_email UNIQUE (email), 
	CONSTRAINT uq_users_username UNIQUE (username)
);
CREATE TABLE conversations (
	id VARCHAR(36) NOT NULL, 
	user_id VARCHAR(36) NOT NULL, 
	title VARCHAR(200), 
	created_at VARCHAR(27) NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_conversations PRIMARY KEY (id), 
	CONSTRAINT fk_conversations_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_conversations_user_id_updated_at_id ON conversations (user_id, updated_at, id);
CREATE TABLE llm_models (
	id VARCHAR(36) NOT NULL, 
	provider_id VARCHAR(36) NOT NULL, 
	model_name VARCHAR(200) NOT NULL, 
	type VARCHAR(40), 
	is_active BOOLEAN NOT NULL, 
	reasoning BOOLEAN NOT NULL, 
	role VARCHAR(40), 
	max_tokens INTEGER, 
	cost_per_token DOUBLE, 
	created_at VARCHAR(27) NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_llm_models PRIMARY KEY (id), 
	CONSTRAINT fk_llm_models_provider_id_llm_providers FOREIGN KEY(provider_id) REFERENCES llm_providers (id) ON DELETE CASCADE
);
CREATE INDEX ix_llm_models_is_active_created_at_id ON llm_models (is_active, created_at, id);
CREATE INDEX ix_llm_models_provider_id ON llm_models (provider_id);
CREATE TABLE user_roles (
	user_id VARCHAR(36) NOT NULL, 
	role VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_user_roles PRIMARY KEY (user_id, role), 
	CONSTRAINT fk_user_roles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE chat_messages (
	id VARCHAR(36) NOT NULL, 
	conversation_id VARCHAR(36) NOT NULL, 
	user_id VARCHAR(36) NOT NULL, 
	position INTEGER NOT NULL, 
	turn_id VARCHAR(36) NOT NULL, 
	client_id VARCHAR(128), 
	sender VARCHAR(8) NOT NULL, 
	message_content TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	model_name VARCHAR(200), 
	prompt_tokens INTEGER, 
	completion_tokens INTEGER, 
	timestamp VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_chat_messages PRIMARY KEY (id), 
	CONSTRAINT fk_chat_messages_conversation_id_conversations FOREIGN KEY(conversation_id) REFERENCES conversations (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX ix_chat_messages_conversation_id_position ON chat_messages (conversation_id, position);
CREATE INDEX ix_chat_messages_conversation_id_turn_id ON chat_messages (conversation_id, turn_id);
CREATE TABLE user_llm_preferences (
	id VARCHAR(36) NOT NULL, 
	default_model_id VARCHAR(36), 
	temperature DOUBLE NOT NULL, 
	top_p DOUBLE NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_user_llm_preferences PRIMARY KEY (id), 
	CONSTRAINT fk_user_llm_preferences_default_model_id_llm_models FOREIGN KEY(default_model_id) REFERENCES llm_models (id) ON DELETE SET NULL
);
CREATE TABLE outbox (
	message_id BLOB NOT NULL, 
	shard SMALLINT NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	to_kind VARCHAR(40) NOT NULL, 
	to_key VARCHAR(200) NOT NULL, 
	number BIGINT NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	body BLOB NOT NULL, 
	principal BLOB NOT NULL, 
	trace_id BLOB NOT NULL, span_id BLOB, 
	CONSTRAINT pk_outbox PRIMARY KEY (message_id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_outbox_shard ON outbox (shard);
CREATE TABLE channels (
	kind VARCHAR(40) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	peer_kind VARCHAR(40) NOT NULL, 
	peer_key VARCHAR(200) NOT NULL, 
	sent BIGINT NOT NULL, 
	handled BIGINT NOT NULL, 
	CONSTRAINT pk_channels PRIMARY KEY (kind, "key", peer_kind, peer_key)
)
 WITHOUT ROWID

;
CREATE TABLE subscriptions (
	topic VARCHAR(200) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	CONSTRAINT pk_subscriptions PRIMARY KEY (topic, kind, "key")
)
 WITHOUT ROWID

;
CREATE TABLE reminders (
	kind VARCHAR(40) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	shard SMALLINT NOT NULL, 
	due_ms BIGINT NOT NULL, 
	"plan" BLOB NOT NULL, 
	CONSTRAINT pk_reminders PRIMARY KEY (kind, "key", name)
)
 WITHOUT ROWID

;
CREATE INDEX ix_reminders_due_ms ON reminders (due_ms);
CREATE TABLE journal (
	effect_id BLOB NOT NULL, 
	number INTEGER NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	outcome BLOB NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (effect_id, number)
)
 WITHOUT ROWID

;
CREATE TABLE signals (
	effect_id BLOB NOT NULL, 
	number INTEGER NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_signals PRIMARY KEY (effect_id, number)
)
 WITHOUT ROWID

;
CREATE TABLE dead_letters (
	id BLOB NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	source VARCHAR(20) NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	body BLOB NOT NULL, 
	principal BLOB NOT NULL, 
	sender VARCHAR(241) NOT NULL, 
	trace_id BLOB NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	reason VARCHAR(1000) NOT NULL, 
	attempts INTEGER NOT NULL, 
	given_up_at_ms BIGINT NOT NULL, effect_id BLOB, call BLOB, 
	CONSTRAINT pk_dead_letters PRIMARY KEY (id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_dead_letters_given_up_at_ms ON dead_letters (given_up_at_ms);
CREATE TABLE suspects (
	message_id BLOB NOT NULL, 
	kills INTEGER NOT NULL, 
	killed_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_suspects PRIMARY KEY (message_id)
)
 WITHOUT ROWID

;
CREATE TABLE search_documents (
	number INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	scope VARCHAR(64) NOT NULL, 
	title TEXT NOT NULL, 
	body TEXT NOT NULL, 
	facts TEXT NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_search_documents PRIMARY KEY (number), 
	CONSTRAINT uq_search_documents_kind_id UNIQUE (kind, id)
);
CREATE VIRTUAL TABLE search_index USING fts5(scope, title, body, content='search_documents', content_rowid='number', tokenize='unicode61 remove_diacritics 2', prefix='2 3');
CREATE TRIGGER search_indexed AFTER INSERT ON search_documents BEGIN INSERT INTO search_index (rowid, scope, title, body) VALUES (NEW.number, NEW.scope, NEW.title, NEW.body); END;
CREATE TRIGGER search_unindexed AFTER DELETE ON search_documents BEGIN INSERT INTO search_index (search_index, rowid, scope, title, body) VALUES ('delete', OLD.number, OLD.scope, OLD.title, OLD.body); END;
CREATE TRIGGER search_reindexed AFTER UPDATE OF scope, title, body ON search_documents BEGIN INSERT INTO search_index (search_index, rowid, scope, title, body) VALUES ('delete', OLD.number, OLD.scope, OLD.title, OLD.body); INSERT INTO search_index (rowid, scope, title, body) VALUES (NEW.number, NEW.scope, NEW.title, NEW.body); END;
CREATE TRIGGER search_conversation_added AFTER INSERT ON conversations BEGIN INSERT INTO search_documents (kind, id, scope, title, body, facts, updated_at) VALUES ('conversation', NEW.id, 'o' || replace(NEW.user_id, '-', ''), coalesce(NEW.title, ''), coalesce('', ''), json_object(), NEW.updated_at); END;
CREATE TRIGGER search_conversation_changed AFTER UPDATE ON conversations WHEN 'o' || replace(OLD.user_id, '-', '') IS NOT 'o' || replace(NEW.user_id, '-', '') OR coalesce(OLD.title, '') IS NOT coalesce(NEW.title, '') OR coalesce('', '') IS NOT coalesce('', '') OR json_object() IS NOT json_object() BEGIN UPDATE search_documents SET scope = 'o' || replace(NEW.user_id, '-', ''), title = coalesce(NEW.title, ''), body = coalesce('', ''), facts = json_object(), updated_at = NEW.updated_at WHERE kind = 'conversation' AND id = OLD.id; END;
CREATE TRIGGER search_conversation_removed AFTER DELETE ON conversations BEGIN DELETE FROM search_documents WHERE kind = 'conversation' AND id = OLD.id; END;
CREATE TRIGGER search_message_added AFTER INSERT ON chat_messages BEGIN INSERT INTO search_documents (kind, id, scope, title, body, facts, updated_at) VALUES ('message', NEW.id, 'o' || replace(NEW.user_id, '-', ''), coalesce('', ''), coalesce(NEW.message_content, ''), json_object('conversation_id', NEW.conversation_id, 'sender', NEW.sender), NEW.timestamp); END;
CREATE TRIGGER search_message_changed AFTER UPDATE ON chat_messages WHEN 'o' || replace(OLD.user_id, '-', '') IS NOT 'o' || replace(NEW.user_id, '-', '') OR coalesce('', '') IS NOT coalesce('', '') OR coalesce(OLD.message_content, '') IS NOT coalesce(NEW.message_content, '') OR json_object('conversation_id', OLD.conversation_id, 'sender', OLD.sender) IS NOT json_object('conversation_id', NEW.conversation_id, 'sender', NEW.sender) BEGIN UPDATE search_documents SET scope = 'o' || replace(NEW.user_id, '-', ''), title = coalesce('', ''), body = coalesce(NEW.message_content, ''), facts = json_object('conversation_id', NEW.conversation_id, 'sender', NEW.sender), updated_at = NEW.timestamp WHERE kind = 'message' AND id = OLD.id; END;
CREATE TRIGGER search_message_removed AFTER DELETE ON chat_messages BEGIN DELETE FROM search_documents WHERE kind = 'message' AND id = OLD.id; END;
CREATE TRIGGER search_llm_model_added AFTER INSERT ON llm_models BEGIN INSERT INTO search_documents (kind, id, scope, title, body, facts, updated_at) VALUES ('llm_model', NEW.id, 'all', coalesce(NEW.model_name, ''), coalesce(NEW.role, ''), json_object('provider_id', NEW.provider_id), NEW.updated_at); END;
CREATE TRIGGER search_llm_model_changed AFTER UPDATE ON llm_models WHEN 'all' IS NOT 'all' OR coalesce(OLD.model_name, '') IS NOT coalesce(NEW.model_name, '') OR coalesce(OLD.role, '') IS NOT coalesce(NEW.role, '') OR json_object('provider_id', OLD.provider_id) IS NOT json_object('provider_id', NEW.provider_id) BEGIN UPDATE search_documents SET scope = 'all', title = coalesce(NEW.model_name, ''), body = coalesce(NEW.role, ''), facts = json_object('provider_id', NEW.provider_id), updated_at = NEW.updated_at WHERE kind = 'llm_model' AND id = OLD.id; END;
CREATE TRIGGER search_llm_model_removed AFTER DELETE ON llm_models BEGIN DELETE FROM search_documents WHERE kind = 'llm_model' AND id = OLD.id; END;
CREATE TRIGGER search_llm_provider_added AFTER INSERT ON llm_providers BEGIN INSERT INTO search_documents (kind, id, scope, title, body, facts, updated_at) VALUES ('llm_provider', NEW.id, 'all', coalesce(NEW.name, ''), coalesce('', ''), json_object(), NEW.updated_at); END;
CREATE TRIGGER search_llm_provider_changed AFTER UPDATE ON llm_providers WHEN 'all' IS NOT 'all' OR coalesce(OLD.name, '') IS NOT coalesce(NEW.name, '') OR coalesce('', '') IS NOT coalesce('', '') OR json_object() IS NOT json_object() BEGIN UPDATE search_documents SET scope = 'all', title = coalesce(NEW.name, ''), body = coalesce('', ''), facts = json_object(), updated_at = NEW.updated_at WHERE kind = 'llm_provider' AND id = OLD.id; END;
CREATE TRIGGER search_llm_provider_removed AFTER DELETE ON llm_providers BEGIN DELETE FROM search_documents WHERE kind = 'llm_provider' AND id = OLD.id; END;
CREATE TRIGGER search_user_added AFTER INSERT ON users BEGIN INSERT INTO search_documents (kind, id, scope, title, body, facts, updated_at) VALUES ('user', NEW.id, 'all', coalesce(NEW.username, ''), coalesce(NEW.email, ''), json_object(), NEW.updated_at); END;
CREATE TRIGGER search_user_changed AFTER UPDATE ON users WHEN 'all' IS NOT 'all' OR coalesce(OLD.username, '') IS NOT coalesce(NEW.username, '') OR coalesce(OLD.email, '') IS NOT coalesce(NEW.email, '') OR json_object() IS NOT json_object() BEGIN UPDATE search_documents SET scope = 'all', title = coalesce(NEW.username, ''), body = coalesce(NEW.email, ''), facts = json_object(), updated_at = NEW.updated_at WHERE kind = 'user' AND id = OLD.id; END;
CREATE TRIGGER search_user_removed AFTER DELETE ON users BEGIN DELETE FROM search_documents WHERE kind = 'user' AND id = OLD.id; END;
CREATE UNIQUE INDEX ix_users_verification_hash ON users (verification_hash);
CREATE UNIQUE INDEX ix_users_reset_hash ON users (reset_hash);
CREATE TABLE user_logins (
	login VARCHAR(700) NOT NULL, 
	user_id VARCHAR(36) NOT NULL, 
	CONSTRAINT pk_user_logins PRIMARY KEY (login), 
	CONSTRAINT fk_user_logins_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_user_logins_user_id ON user_logins (user_id);
CREATE TABLE mails (
	id VARCHAR(36) NOT NULL, 
	user_id VARCHAR(36) NOT NULL, 
	template VARCHAR(40) NOT NULL, 
	recipient VARCHAR(320) NOT NULL, 
	subject VARCHAR(200) NOT NULL, 
	status VARCHAR(12) NOT NULL, 
	attempts INTEGER NOT NULL, 
	error VARCHAR(500), 
	link TEXT, 
	created_at VARCHAR(27) NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_mails PRIMARY KEY (id)
);
CREATE INDEX ix_mails_created_at_id ON mails (created_at, id);
CREATE INDEX ix_mails_user_id ON mails (user_id);
CREATE TABLE roles (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(40) NOT NULL, 
	description VARCHAR(200) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_roles PRIMARY KEY (id), 
	CONSTRAINT uq_roles_name UNIQUE (name)
);
CREATE TABLE role_permissions (
	role_id VARCHAR(36) NOT NULL, 
	permission VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_role_permissions PRIMARY KEY (role_id, permission), 
	CONSTRAINT fk_role_permissions_role_id_roles FOREIGN KEY(role_id) REFERENCES roles (id) ON DELETE CASCADE
);
CREATE INDEX ix_user_roles_role ON user_roles (role);
CREATE TABLE audit_log (
	number BIGINT NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	user_id VARCHAR(36), 
	kind VARCHAR(16) NOT NULL, 
	action VARCHAR(80) NOT NULL, 
	target VARCHAR(300), 
	result VARCHAR(40) NOT NULL, 
	detail VARCHAR(500), 
	ip VARCHAR(45), 
	request_id VARCHAR(64), 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit_log PRIMARY KEY (number)
);
CREATE INDEX ix_audit_log_user_id_number ON audit_log (user_id, number);
CREATE INDEX ix_audit_log_action_number ON audit_log (action, number);
CREATE INDEX ix_audit_log_target_number ON audit_log (target, number);
CREATE TABLE invitations (
	id VARCHAR(36) NOT NULL, 
	email VARCHAR(320) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_invitations PRIMARY KEY (id), 
	CONSTRAINT uq_invitations_token_hash UNIQUE (token_hash)
);
CREATE TABLE sessions (
	id VARCHAR(36) NOT NULL, 
	user_id VARCHAR(36) NOT NULL, 
	token_version INTEGER NOT NULL, 
	address VARCHAR(45) NOT NULL, 
	client VARCHAR(200) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	last_used_at VARCHAR(27) NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_sessions_user_id_created_at_id ON sessions (user_id, created_at, id);
CREATE TABLE api_keys (
	id VARCHAR(36) NOT NULL, 
	user_id VARCHAR(36) NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	shown VARCHAR(20) NOT NULL, 
	hashed_key VARCHAR(64) NOT NULL, 
	permissions TEXT NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	last_used_at VARCHAR(27), 
	CONSTRAINT pk_api_keys PRIMARY KEY (id), 
	CONSTRAINT fk_api_keys_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_api_keys_user_id_created_at_id ON api_keys (user_id, created_at, id);
CREATE INDEX ix_inbox_trace_id ON inbox (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX ix_dead_letters_trace_id ON dead_letters (trace_id);
CREATE TABLE notifications (
	id VARCHAR(36) NOT NULL, 
	user_id VARCHAR(36) NOT NULL, 
	number INTEGER NOT NULL, 
	changed INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	title VARCHAR(200) NOT NULL, 
	text VARCHAR(1000) NOT NULL, 
	link VARCHAR(500), 
	unread BOOLEAN NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	read_at VARCHAR(27), 
	CONSTRAINT pk_notifications PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_notifications_user_id_number ON notifications (user_id, number);
CREATE INDEX ix_notifications_user_id_changed ON notifications (user_id, changed);
CREATE INDEX ix_notifications_user_id_unread_number ON notifications (user_id, unread, number);
INSERT INTO alembic_version (version_num) VALUES ('0019');
