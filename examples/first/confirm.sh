# Confirms table $1. The arguments come as JSON on stdin, too; a result is not asked for.
cat >/dev/null
echo "table $1 is confirmed" >&2
