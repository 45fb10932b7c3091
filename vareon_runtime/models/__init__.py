"""The product's tables. Entities write them inside their own commits; the front door reads them."""

from vareon_runtime.models.arcana import ChatMessageRow, ConversationRow
from vareon_runtime.models.belongings import BELONGINGS, Belonging
from vareon_runtime.models.cognisys import LlmModelRow, LlmProviderRow, UserLlmPreferenceRow
from vareon_runtime.models.mail import MailRow
from vareon_runtime.models.search import SearchDocumentRow
from vareon_runtime.models.user import UserLoginRow, UserRoleRow, UserRow, login_key, token_hash

__all__ = [
    "BELONGINGS",
    "Belonging",
    "ChatMessageRow",
    "ConversationRow",
    "LlmModelRow",
    "LlmProviderRow",
    "MailRow",
    "SearchDocumentRow",
    "UserLlmPreferenceRow",
    "UserLoginRow",
    "UserRoleRow",
    "UserRow",
    "login_key",
    "token_hash",
]
