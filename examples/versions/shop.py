"""The activities of the shop: `shop.py NAME`, arguments as JSON on stdin, the result as JSON on stdout."""

import json
import sys


def validate_order(order_id):
    if not order_id:
        sys.exit("an order has an id")


def check_fraud(order_id):
    return {"flagged": order_id.startswith("fraud")}


def process_payment(order_id):
    return {"id": f"pay-{order_id}", "amount_cents": 4200}


def award_points(order_id, amount_cents):
    print(f"{amount_cents // 100} points for {order_id}", file=sys.stderr)


result = globals()[sys.argv[1]](**json.load(sys.stdin))
json.dump(result, sys.stdout)
