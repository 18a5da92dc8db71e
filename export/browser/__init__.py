"""The browser's half of Pointillist: JavaScript sources, and the code that builds and serves them."""
