"""An activity: arguments as words or as JSON on stdin, the result as JSON on stdout."""

import json
import os
import sys

# Work in the real world fails now and then. Weft tries again, and keeps what was done.
if os.environ["WEFT_ATTEMPT"] == "1":
    sys.exit("the greeter was not awake yet")

json.dump(f"Hello, {sys.argv[1]}!", sys.stdout)
