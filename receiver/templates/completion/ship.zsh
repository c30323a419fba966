#compdef ship
# Completion of `ship` in zsh, as `ship completion zsh` prints it.
_ship() {
  local line value told
  local -a closed open
  line="${(j: :)words[1,CURRENT-1]} ${PREFIX}"
  while IFS=$'\t' read -r value told; do
    case "${value}" in
      :files) _files; return ;;
      :folders) _files -/; return ;;
      *=) open+=("${value//:/\\:}${told:+:${told}}") ;;
      *) closed+=("${value//:/\\:}${told:+:${told}}") ;;
    esac
  done < <("${words[1]}" completion:words -- "${line}" 2>/dev/null </dev/null)
  (( ${#closed} )) && _describe -V ship closed
  (( ${#open} )) && _describe -V ship open -S ''
  return 0
}

if [[ "${zsh_eval_context[-1]}" == loadautofunc ]]; then
  _ship "$@"
else
  (( ${+functions[compdef]} )) || { autoload -Uz compinit && compinit -i }
  compdef _ship ship
fi
