"""What the doctor can find in a Shopify shop, in words: what it is and what to do.

Words are for whoever runs the shop or storelink, not for programmers. `{…}` is filled in.
"""

from storelink.connectors.finding import Row
from storelink.connectors.protocol import Finding

_LATER = "Try again later; https://www.shopifystatus.com says whether Shopify has trouble."
_UPDATE = "Update storelink to a release for a newer version of Shopify's API."

ROWS: tuple[Row, ...] = (
    # the shop cannot be reached
    Row("dns", "problem", "{said}.", "Check the address for a slip of the pen."),
    Row("unreachable", "problem", "{said}.", "Check the address, and that no firewall is between."),
    Row("timeout", "problem", "{said}.", _LATER),
    Row("cut", "problem", "{said}.", _LATER),
    Row("network", "problem", "{said}.", _LATER),
    Row("proxy", "problem", "{said}.", "Check the proxy of this machine's network."),
    Row(
        "tls",
        "problem",
        "{said}.",
        "Something between here and Shopify opens encrypted connections. If it is meant to, trust its "
        "authority with SSL_CERT_FILE.",
    ),
    Row("url", "problem", "{said}.", "Register the shop again with its right address."),
    Row("keys", "problem", "{said}.", "Enter the credentials anew.", refused=True),
    Row(
        "firewall",
        "problem",
        "{said}.",
        "Let requests of storelink to *.myshopify.com pass in the firewall or proxy.",
    ),
    Row("html", "problem", "{said}.", _LATER),
    Row("unreadable", "problem", "{said}.", _LATER),
    Row("security", "problem", "Shopify takes our requests for an attack: {said}.", _LATER),
    Row("throttled", "problem", "{said}.", "Another program uses up this app's limit. Try later{after}."),
    Row("failed", "problem", "Shopify failed: {said}.", _LATER),
    Row("refused", "problem", "{said}.", "What Shopify says is all that is known."),
    # the shop
    Row(
        "unknown_shop",
        "problem",
        "Shopify knows no shop at {url}.",
        "Check the name: Shopify shows it under Settings → Domains, ending in .myshopify.com. A shop "
        "that was closed is gone from there, too.",
    ),
    Row(
        "redirect",
        "problem",
        "The shop has moved: {said}.",
        "Register it under the address it names; storelink carries keys nowhere else.",
    ),
    Row("redirect_same_host", "problem", "{said}.", "See in a browser whether the shop opens."),
    Row(
        "frozen",
        "problem",
        "The shop is frozen: Shopify's bill is not paid, or the shop was closed.",
        "In the shop open Settings → Plan, and pay or choose a plan.",
    ),
    Row(
        "locked",
        "problem",
        "The shop is locked by Shopify.",
        "Its owner has to ask Shopify's support why, and to unlock it.",
    ),
    # the credentials
    Row("invalid_token", "problem", "Shopify refuses the access token.", "{renew}", refused=True),
    Row(
        "non_expiring",
        "problem",
        "Shopify no longer takes tokens that do not expire from this app.",
        "Register the shop with --auth code, or run `storelink connectors authorize`: that gives a "
        "token that expires and is renewed by itself.",
        refused=True,
    ),
    Row("forbidden", "problem", "The app may not use this shop: {said}.", "{renew}", refused=True),
    Row("invalid_client", "problem", "{said}.", "{keys}", refused=True),
    Row("application_cannot_be_found", "problem", "{said}.", "{keys}", refused=True),
    Row(
        "invalid_grant",
        "problem",
        "The shop has not approved the app, or its approval has ended: {said}.",
        "Run `storelink connectors authorize` and let the shop's owner approve the app again.",
        refused=True,
    ),
    Row(
        "shop_not_permitted",
        "problem",
        "The app and the shop belong to different organisations, so client credentials do not work.",
        "Make the app in the Dev Dashboard of the shop's own organisation, or register the shop with "
        "--auth code.",
        refused=True,
    ),
    Row(
        "app_not_installed",
        "problem",
        "The app is not installed in this shop.",
        "In the Dev Dashboard open the app, choose Install app, and pick the shop.",
        refused=True,
    ),
    Row("no_grant", "problem", "{said}.", "{renew}", refused=True),
    Row("clock", "problem", "{said}.", "Set the clock of the database's machine (NTP)."),
    # what it may see
    Row(
        "scope_missing",
        "problem",
        "The app lacks the scope {scope}: {what} cannot be read.",
        "{scopes}",
    ),
    Row(
        "sixty_days",
        "warning",
        "The app lacks the scope read_all_orders: only orders of the last 60 days can be seen. Older "
        "ones stay as they were read last.",
        "Ask Shopify for read_all_orders (the app's API access, “Read all orders”), and grant it. {scopes}",
    ),
    Row(
        "no_write",
        "warning",
        "The app lacks the scope write_orders: everything is synced, but refunds and address changes "
        "will be refused.",
        "{scopes}",
    ),
    Row(
        "not_approved",
        "problem",
        "The app is not approved to see {what}: they are protected customer data.",
        "In the app's settings open API access → Protected customer data access, choose what is "
        "needed, and wait for Shopify's approval where it is asked for.",
    ),
    Row(
        "personal_withheld",
        "warning",
        "Names, addresses, e-mails and phone numbers of customers come empty: the app may not see them.",
        "In the app's settings open API access → Protected customer data access, and choose name, "
        "address, phone and email; some plans do not allow it to custom apps. Until then storelink "
        "keeps what it has read before.",
    ),
    Row(
        "personal_unknown",
        "note",
        "Whether the app may see all of a customer's name, address, e-mail and phone could not be told "
        "from the customers there are.",
    ),
    Row("sight_unknown", "note", "Not everything could be found out: {said}."),
    # what will bite later
    Row(
        "version_forward",
        "warning",
        "Shopify answers with version {served} of its API; storelink asked for {asked}, which is no "
        "longer served.",
        _UPDATE,
    ),
    Row(
        "version_last",
        "note",
        "Version {asked} of Shopify's API is the oldest that is still served.",
        _UPDATE,
    ),
    Row("deprecated", "note", "Shopify will drop something that storelink asks for: {said}.", _UPDATE),
    Row(
        "clock_skew",
        "warning",
        "Shopify's clock is {skew} {direction} ours.",
        "Set the clock of the database's machine (NTP).",
    ),
    Row(
        "renamed",
        "note",
        "The shop calls itself {name} now, not {url}.",
        "The old address works as long as Shopify keeps it; better register the new one.",
    ),
    Row(
        "approval_ends",
        "warning",
        "The shop's approval ends in {left} if it is not renewed.",
        "storelink renews it whenever it reads the shop: see that it does, or run `storelink connectors "
        "authorize`.",
    ),
    Row(
        "lasting_token",
        "note",
        "The access token does not expire. Shopify takes such tokens from public apps until the end of "
        "2026 only.",
        "For a public app run `storelink connectors authorize`; an app of the shop's own may go on.",
    ),
    Row(
        "no_secret",
        "note",
        "No client secret was entered: webhooks of this app could not be verified.",
        "Enter the app's API secret key together with the token.",
    ),
    # fine
    Row("shop", "ok", "{shop}."),
    Row("access", "ok", "The app may read {what}."),
)
BY_CODE = {row.code: row for row in ROWS}


def finding(code: str, **words: object) -> Finding:
    """The finding `code` with its blanks filled in."""
    return BY_CODE[code].finding(**words)
