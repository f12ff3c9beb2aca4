"""The doctor's words: for each thing it can find, how bad it is, what it is and what to do.

Words are for whoever runs the shop or storelink, not for programmers. `{…}` is filled in.
"""

from storelink.connectors.finding import Row
from storelink.connectors.protocol import Finding

_KEYS = "WooCommerce → Settings → Advanced → REST API"
_NEW_KEYS = f"In the store open {_KEYS}, make a new key, and enter it here."
_HOST = "Ask the store's host"

ROWS: tuple[Row, ...] = (
    # the store cannot be reached
    Row("dns", "problem", "{said}.", "Check the address for a slip of the pen."),
    Row(
        "unreachable",
        "problem",
        "{said}.",
        "Check address and port, that the store is up, and that no firewall is between.",
    ),
    Row("timeout", "problem", "{said}.", "See whether the store opens in a browser; try later."),
    Row("cut", "problem", "{said}.", f"Try again; if it stays so: {_HOST} to look at its logs."),
    Row(
        "tls",
        "problem",
        "{said}.",
        "The certificate of the store has to be renewed or installed fully. If the store has no "
        "https at all, register it with http://. A private authority is trusted with "
        "SSL_CERT_FILE.",
    ),
    Row("url", "problem", "{said}.", "Register the store again with its right address."),
    Row(
        "redirect",
        "problem",
        "{said}.",
        "Register the store under the address it names; storelink carries keys nowhere else.",
    ),
    Row(
        "redirect_same_host",
        "problem",
        "{said}.",
        "Open the store in a browser and register the address shown there, sub-folder included.",
    ),
    # something answers, but it is not WordPress with WooCommerce
    Row(
        "plain_permalinks",
        "problem",
        "WordPress answers, but not under /wp-json/: plain permalinks are set.",
        "In the store open Settings → Permalinks, choose anything but “Plain”, and save. If that "
        "does not help, the web server does not pass /wp-json/ to WordPress.",
    ),
    Row(
        "not_wordpress",
        "problem",
        "What answers at this address is not WordPress.",
        "Check the address; a shop in a sub-folder is registered with it, as in https://shop.example/store.",
    ),
    Row(
        "html",
        "problem",
        "{said}.",
        "A maintenance plugin, a cache or a firewall answers in WooCommerce's place. Let "
        "/wp-json/ pass there.",
    ),
    Row(
        "unreadable",
        "problem",
        "{said}.",
        "Something in the store writes into its answers. Look into the PHP error log, and switch "
        "off plugins one by one.",
    ),
    Row("nothing_there", "problem", "{said}.", "Check the address, sub-folder included."),
    Row(
        "rest_no_route",
        "problem",
        "WordPress answers, but WooCommerce is not active there.",
        "In the store open Plugins and activate WooCommerce.",
    ),
    Row(
        "rest_closed",
        "problem",
        "{said}.",
        "A security plugin closes the REST API. Allow /wp-json/wc/ in its settings.",
    ),
    Row(
        "firewall",
        "problem",
        "{said}.",
        "Let requests of storelink pass in the firewall or security plugin (User-Agent "
        "“storelink/…”, or the address of this machine).",
    ),
    Row(
        "site_password",
        "problem",
        "{said}.",
        f"{_HOST} to lift the password for /wp-json/, as staging sites often have one.",
    ),
    # it will pass
    Row(
        "closed",
        "problem",
        "{said}. The store is in maintenance, as during an update{after}.",
        "Wait. If it stays for hours, delete the file .maintenance in the WordPress folder.",
    ),
    Row(
        "store_database",
        "problem",
        "WordPress cannot reach its own database.",
        f"{_HOST} to bring the database up.",
    ),
    Row(
        "store_failed",
        "problem",
        "{said}.",
        f"A plugin or the server fails. {_HOST} to look into the PHP error log; try again later.",
    ),
    Row("throttled", "problem", "{said}.", "Try again later{after}."),
    # the keys
    Row(
        "unknown_key",
        "problem",
        "The store does not know this consumer key.",
        f"It was revoked or mistyped. {_NEW_KEYS}",
        refused=True,
    ),
    Row(
        "wrong_secret",
        "problem",
        "The store knows the consumer key, but the consumer secret is wrong.",
        f"The secret is shown only once. {_NEW_KEYS}",
        refused=True,
    ),
    Row(
        "wrong_keys",
        "problem",
        "The store refuses the keys. {said}.",
        _NEW_KEYS,
        refused=True,
    ),
    Row(
        "wrong_signature",
        "problem",
        "The store knows the consumer key, but refuses the signature: the consumer secret is wrong.",
        f"{_NEW_KEYS} If that does not help, a proxy changes the address of requests on their way: "
        "then use https.",
        refused=True,
    ),
    Row(
        "wrong_home",
        "problem",
        "The signature is refused, and the store calls itself {home}, not {url}.",
        "Register the store as {home}: signatures over http hold for that address only.",
        refused=True,
    ),
    Row(
        "write_only_key",
        "problem",
        "The key may write but not read.",
        f"In the store open {_KEYS}, edit the key, and choose the permission Read/Write.",
        refused=True,
    ),
    Row(
        "role",
        "problem",
        "The key belongs to a user who may not see {what}.",
        f"In the store open {_KEYS} and make a key for a shop manager or an administrator.",
        refused=True,
    ),
    Row(
        "query_dropped",
        "problem",
        "The signature does not arrive: a cache or proxy in front of the store drops it.",
        f"Register the store with https://, or {_HOST.lower()} not to cache /wp-json/.",
        refused=True,
    ),
    Row(
        "query_ignored",
        "problem",
        "The store was asked for one order and gave {count}: a cache in front of it drops the query.",
        f"{_HOST} to let /wp-json/ pass its cache; some hosts drop queries by User-Agent.",
    ),
    Row(
        "clock_refused",
        "problem",
        "The store refuses the time of our signatures.",
        f"{_HOST} to set its clock, and set the clock of this machine.",
        refused=True,
    ),
    Row("refused", "problem", "{said}.", "What the store says is all that is known."),
    Row(
        "read_only_key",
        "warning",
        "The key may read but not write: everything is synced, but refunds and address changes "
        "will be refused.",
        f"In the store open {_KEYS}, edit the key, and choose the permission Read/Write.",
    ),
    Row(
        "write_unknown",
        "warning",
        "Whether the key may write could not be found out: {said}.",
        "If something in front of the store lets no PUT requests pass, allow them for /wp-json/.",
    ),
    Row(
        "header_stripped",
        "note",
        "The store's host strips the Authorization header; keys are sent in the query string.",
        "They show up in the host's access log. Better: let the header pass (Apache: CGIPassAuth On).",
    ),
    # what will bite later
    Row(
        "plain_http",
        "warning",
        "The store is read over plain http: all that is read, customers' addresses included, can "
        "be read on the way.",
        "Give the store https and register {https}.",
    ),
    Row(
        "clock_skew",
        "warning",
        "The store's clock is {skew} {direction} ours.",
        f"{_HOST} to set its clock (NTP). Dates that storelink shows are the store's.",
    ),
    Row(
        "other_home",
        "note",
        "The store calls itself {home}, not {url}.",
        "Register it under that address if links or signatures are refused.",
    ),
    Row(
        "hidden_statuses",
        "note",
        "A plugin keeps orders out of the store's own lists: {count} or more, in {statuses}.",
        "Nothing to do here: storelink asks for these statuses by name.",
    ),
    Row(
        "old_woocommerce",
        "note",
        "WooCommerce {version} has no list of all {lists}; storelink reads them one by one, which is slower.",
        "Update WooCommerce to {needed} or newer.",
    ),
    Row(
        "wp_cron_off",
        "note",
        "WordPress runs no scheduled tasks by itself (DISABLE_WP_CRON).",
        "See that the host calls wp-cron.php every minute, or webhooks will be late.",
    ),
    Row(
        "status_unknown",
        "note",
        "Version and currency could not be read: {said}.",
        "A key of a shop manager or an administrator can read them.",
    ),
    Row(
        "details_unknown",
        "note",
        "Not everything about the store could be read: {said}.",
    ),
    # fine
    Row("store", "ok", "{store}."),
    Row("keys", "ok", "The key may read and write."),
)
BY_CODE = {row.code: row for row in ROWS}


def finding(code: str, **words: object) -> Finding:
    """The finding `code` with its blanks filled in."""
    return BY_CODE[code].finding(**words)
