"""The tables. One file a concept; migrations are made from these classes.

`view.py` holds the views and `storage.py` how raw JSON is stored, which Alembic does not compare.
"""

from storelink.models.alert import Alert
from storelink.models.audit import AuditEvent, ErasedSubject
from storelink.models.change import ChangeEvent, ChangeFeed
from storelink.models.columns import metadata
from storelink.models.connector import ConnectorConfig
from storelink.models.customer import PlatformCustomer
from storelink.models.key import KeyReport, MasterKey
from storelink.models.order import OrderItem, OrderRefund, PlatformOrder
from storelink.models.pending import PendingStore
from storelink.models.person import ApiToken, ConsoleSession, ConsoleUser, SignInAttempt, SignInFailure
from storelink.models.product import PlatformProduct
from storelink.models.quarantine import QuarantinedRecord
from storelink.models.request import ActionPreview, AddressUpdateRequest, RefundRequest
from storelink.models.search import OrderWords, WordsFeed
from storelink.models.source import SourceRecord
from storelink.models.storage import EXTERNAL
from storelink.models.sync import SyncRun, SyncState
from storelink.models.view import PRODUCT_BY_SKU
from storelink.models.webhook import WebhookDelivery

__all__ = [
    "EXTERNAL",
    "PRODUCT_BY_SKU",
    "ActionPreview",
    "AddressUpdateRequest",
    "Alert",
    "ApiToken",
    "AuditEvent",
    "ChangeEvent",
    "ChangeFeed",
    "ConnectorConfig",
    "ConsoleSession",
    "ConsoleUser",
    "ErasedSubject",
    "KeyReport",
    "MasterKey",
    "OrderItem",
    "OrderRefund",
    "OrderWords",
    "PendingStore",
    "PlatformCustomer",
    "PlatformOrder",
    "PlatformProduct",
    "QuarantinedRecord",
    "RefundRequest",
    "SignInAttempt",
    "SignInFailure",
    "SourceRecord",
    "SyncRun",
    "SyncState",
    "WebhookDelivery",
    "WordsFeed",
    "metadata",
]
