# Completion of `ship` in bash, as `ship completion bash` prints it. It needs nothing but bash.
_ship_completion() {
  local line="${COMP_LINE:0:COMP_POINT}" word cut value
  COMPREPLY=()
  # Where `:` and `=` break words, bash replaces only what follows the last one ($2), so only that is handed back.
  word="${line##*[[:space:]]}"
  cut="${word%"$2"}"
  while IFS=$'\t' read -r value _; do
    case "${value}" in
      :files) compopt -o default 2>/dev/null ;;
      :folders) compopt -o dirnames 2>/dev/null ;;
      *) COMPREPLY+=("${value#"${cut}"}") ;;
    esac
  done < <("$1" completion:words -- "${line}" 2>/dev/null </dev/null)
  if [[ "${#COMPREPLY[@]}" -eq 1 && "${COMPREPLY[0]}" == *= ]]; then
    compopt -o nospace 2>/dev/null
  fi
  return 0
}
complete -F _ship_completion ship
