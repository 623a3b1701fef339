"""Reads sales.csv; the period is there for the shape of it."""

import csv
import json
import os
import sys

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sales.csv")) as file:
    sales = [{"product": r["product"], "quantity": int(r["quantity"]), "price": r["price"]} for r in csv.DictReader(file)]
json.dump(sales, sys.stdout)
