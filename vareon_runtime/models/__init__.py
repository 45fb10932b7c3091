"""The product's tables. Entities write them inside their own commits; the front door reads them."""

from vareon_runtime.models.arcana import ChatMessageRow, ConversationRow
from vareon_runtime.models.cognisys import LlmModelRow, LlmProviderRow, UserLlmPreferenceRow
from vareon_runtime.models.search import SearchDocumentRow
from vareon_runtime.models.user import UserRoleRow, UserRow

__all__ = [
    "ChatMessageRow",
    "ConversationRow",
    "LlmModelRow",
    "LlmProviderRow",
    "SearchDocumentRow",
    "UserLlmPreferenceRow",
    "UserRoleRow",
    "UserRow",
]
