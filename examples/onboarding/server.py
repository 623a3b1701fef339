"""The three services of the example in one: accounts, mail and trials. Python's standard library only.

An answer is kept by its idempotency key, so that a repeated attempt gets the same one and does nothing twice.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

answers = {}
mail_is_sent = threading.Event()


def create_account(args):
    return {"id": args["id"], "status": "active"}


def send_welcome(args):
    return {"message_id": f"welcome-{args['user_id']}"}


def provision_trial(args):
    # Provisioning takes longer than a mail.
    mail_is_sent.wait(timeout=5)
    return {"workspace": f"ws-{args['user_id']}", "quota_gb": 5}


ROUTES = {"/api/users": create_account, "/api/send": send_welcome, "/api/trial": provision_trial}


class Services(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        work = ROUTES.get(self.path)
        if work is None:
            return self.answer(404, {"error": f"no such service: {self.path}"})
        key = self.headers.get("idempotency-key")
        if key not in answers:
            answers[key] = work(json.loads(body))
        self.answer(200, answers[key])
        if work is send_welcome:
            threading.Timer(0.5, mail_is_sent.set).start()

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *args):
        print(f"{self.path}: {form % args}", file=sys.stderr)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8701
    server = ThreadingHTTPServer(("127.0.0.1", port), Services)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
