# Takes the paid features from the user $1.
echo "$1 is on the free plan now" >&2
