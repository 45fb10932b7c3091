"""The product's tables. Entities write them inside their own commits; the front door reads them."""

from vareon_runtime.models.arcana import ChatMessageRow, ConversationRow
from vareon_runtime.models.audit import AUDIT_BEGIN, AuditRow, audit_hash
from vareon_runtime.models.belongings import BELONGINGS, Belonging
from vareon_runtime.models.cognisys import LlmModelRow, LlmProviderRow, UserLlmPreferenceRow
from vareon_runtime.models.mail import MailRow
from vareon_runtime.models.notifications import NotificationRow
from vareon_runtime.models.search import SearchDocumentRow
from vareon_runtime.models.sign_in import ApiKeyRow, SessionRow
from vareon_runtime.models.user import (
    InvitationRow,
    RolePermissionRow,
    RoleRow,
    UserLoginRow,
    UserRoleRow,
    UserRow,
    login_key,
    token_hash,
)

__all__ = [
    "AUDIT_BEGIN",
    "BELONGINGS",
    "ApiKeyRow",
    "AuditRow",
    "Belonging",
    "ChatMessageRow",
    "ConversationRow",
    "InvitationRow",
    "LlmModelRow",
    "LlmProviderRow",
    "MailRow",
    "NotificationRow",
    "RolePermissionRow",
    "RoleRow",
    "SearchDocumentRow",
    "SessionRow",
    "UserLlmPreferenceRow",
    "UserLoginRow",
    "UserRoleRow",
    "UserRow",
    "audit_hash",
    "login_key",
    "token_hash",
]
