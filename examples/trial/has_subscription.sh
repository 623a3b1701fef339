# Whether the user $1 pays. Those whose name starts with p do.
case "$1" in
  p*) echo true ;;
  *) echo false ;;
esac
