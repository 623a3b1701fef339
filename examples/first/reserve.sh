# Reserves a table for $1 people: the result goes to stdout as JSON, talk goes to stderr.
if [ "$WEFT_ATTEMPT" = 1 ]; then
  echo "nobody picks up the phone" >&2
  exit 1
fi
echo "{\"number\": $((10 + $1)), \"minutes\": 90}"
