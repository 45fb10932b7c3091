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
	handled_at_ms BIGINT NOT NULL, 
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
	updated_at VARCHAR(27) NOT NULL, 
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
	updated_at VARCHAR(27) NOT NULL, is_verified BOOLEAN DEFAULT 1 NOT NULL, token_version INTEGER DEFAULT 0 NOT NULL, 
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
	trace_id BLOB NOT NULL, 
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
	given_up_at_ms BIGINT NOT NULL, 
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
INSERT INTO alembic_version (version_num) VALUES ('0003');
