"""The HTML pages a store answers with when WordPress itself is in the way."""

_FRAME = """<!DOCTYPE html>
<html {attributes}>
<head>
	<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
	<meta name="viewport" content="width=device-width, initial-scale=1.0">
	{robots}<title>{title}</title>
	<style type="text/css">
		html {{
			background: #f1f1f1;
		}}
	</style>
</head>
<body id="error-page">
	<div class="wp-die-message">{message}</div></body>
</html>
	"""
_ROBOTS = "	<meta name='robots' content='max-image-preview:large, noindex, follow' />\n	"
_HELP = (
    '<p>There has been a critical error on this website.</p><p><a href="https://wordpress.org/'
    'documentation/article/faq-troubleshooting/">Learn more about troubleshooting WordPress.</a></p>'
)
NOTICE = (
    '<br />\n<b>Warning</b>:  Undefined array key "x" in '
    "<b>/home/shop/wp-content/plugins/bad/bad.php</b> on line <b>12</b><br />\n"
)
BOM = b"\xef\xbb\xbf"


def _page(title: str, message: str, *, robots: bool = False) -> bytes:
    return _FRAME.format(
        attributes='lang="en-US"' if robots else "dir='ltr'",
        robots=_ROBOTS if robots else "",
        title=title,
        message=message,
    ).encode()


MAINTENANCE = _page("Maintenance", "Briefly unavailable for scheduled maintenance. Check back in a minute.")
DATABASE_DOWN = _page("Database Error", "<h1>Error establishing a database connection</h1>")
FATAL = _page("WordPress &rsaquo; Error", _HELP, robots=True)
HOME = b"""<!DOCTYPE html>
<html lang="en-US">
<head><meta charset="UTF-8" /><title>Sandbox Shop</title></head>
<body class="home blog"><h1>Sandbox Shop</h1><p>Hello world!</p></body>
</html>
"""


def too_long(server: str) -> bytes:
    """What the web server in front says to a URL over its limit."""
    return (
        "<html>\r\n<head><title>414 Request-URI Too Large</title></head>\r\n<body>\r\n<center><h1>"
        f"414 Request-URI Too Large</h1></center>\r\n<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    ).encode()


def internal_error(place: str) -> dict[str, object]:
    """A PHP fatal inside an endpoint: JSON with HTML in its message."""
    return {
        "code": "internal_server_error",
        "message": _HELP,
        "data": {
            "status": 500,
            "error": {
                "type": 1,
                "message": f"Uncaught Error: {place} in /var/www/html/wp-content/plugins/bad/bad.php:11",
                "file": "/var/www/html/wp-content/plugins/bad/bad.php",
                "line": 11,
            },
        },
        "additional_errors": [],
    }
