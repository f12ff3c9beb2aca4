"""Shopify passes the kit: over real HTTP, against the simulated store."""

import os
from typing import Any

from shopify_laboratory import ShopifyLaboratory, read_by_pages

from storelink.conformance import connector_tests


class PagedLaboratory(ShopifyLaboratory):
    """One whose token may not run bulk operations."""

    page = 30

    def __init__(self, records: int, **plan: Any) -> None:
        super().__init__(records, **plan)
        read_by_pages(self)


TestShopify = connector_tests(ShopifyLaboratory)
TestShopifyByPages = connector_tests(PagedLaboratory)

# what depends on how everything is read; the others are soaked
WALKS = {
    "test_walks_all_pages",
    "test_resumes_from_any_checkpoint_without_a_gap",
    "test_no_record_is_lost_while_rows_move_between_pages",
    "test_list_versions_equal_record_versions",
    "test_times_of_reads_are_aware_and_in_order",
    "test_an_empty_page_is_not_the_end",
    "test_a_failure_for_good_keeps_what_was_read",
}
if os.environ.get("STORELINK_SOAK") != "1":
    for case in [name for name in dir(TestShopifyByPages) if name.startswith("test_")]:
        if case not in WALKS:
            setattr(TestShopifyByPages, case, None)
