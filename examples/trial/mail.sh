# Sends the mail $1 to the user $2.
echo "mail '$1' to $2" >&2
