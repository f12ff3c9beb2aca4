"""Simulated stores over real HTTP, for the demo, the tests, and whoever has no shop at hand.

`running.start` runs one from Python, `serving.serve_forever` for people. One generated shop
(`shop`, `catalog`, `people`, `sales`) is served in the words of a platform (`woocommerce`). Around it:
`web` (the wire), `faults`, `capacity`, `clock`, `journal`, and `desk`, the back office that `admin`
talks to. Nothing here may import the engine, nor the engine anything here: the two are judged by
what others wrote, the recorded answers of a real store and the official client.
"""
