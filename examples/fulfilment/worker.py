"""A worker of the queue `fulfilment`: a loop around poll, complete and fail. Python's standard library only."""

import json
import os
import sys
import time
import urllib.error
import urllib.request

ADDRESS = os.environ.get("WEFT_ADDRESS", "http://127.0.0.1:7373")
BASE = f"{ADDRESS}/api/v1/namespaces/{os.environ.get('WEFT_NAMESPACE', 'default')}"


class Declared(Exception):
    """This worker's activities declare no errors."""


def reserve_inventory(line):
    return {"reservation": f"{line['warehouse']}-{line['product_id']}-{line['quantity']}"}


def create_shipment(warehouse, reservation):
    return {"shipment_id": f"ship-{reservation}", "carrier": "post"}


ACTIVITIES = {"reserve_inventory": reserve_inventory, "create_shipment": create_shipment}


def post(path, body):
    request = urllib.request.Request(f"{BASE}/{path}", json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.loads(answer.read() or b"null")


def handle(task):
    print(f"{task['activity']} {json.dumps(task['args'])}, attempt {task['attempt']}", file=sys.stderr, flush=True)
    try:
        result = ACTIVITIES[task["activity"]](**task["args"])
    except Declared as error:
        return post(f"tasks/{task['token']}/fail", {"error": error.args[0]})
    except Exception as error:
        fault = {"type": "Fault", "message": f"{type(error).__name__}: {error}", "retryable": True}
        return post(f"tasks/{task['token']}/fail", {"error": fault})
    post(f"tasks/{task['token']}/complete", {"result": result})


def main():
    while True:
        try:
            for task in post("queues/fulfilment/poll", {"worker": f"pid {os.getpid()}", "max": 1, "wait": "30s"})["tasks"]:
                handle(task)
        except urllib.error.HTTPError as error:
            # 410: the attempt is over, someone else has it or nobody needs it any more.
            print(f"{error.url}: {error.code} {error.read().decode()}", file=sys.stderr, flush=True)
            if error.code != 410:
                time.sleep(1)
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            print(f"no server at {ADDRESS} ({error}); trying again", file=sys.stderr, flush=True)
            time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
