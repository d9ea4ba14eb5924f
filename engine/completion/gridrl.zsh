#compdef gridrl gridrl-tui
# Completion of gridrl and gridrl-tui for zsh 5 and later.
#     source <(gridrl completion zsh)        or keep it as a file _gridrl in a directory of $fpath

_gridrl() {
    emulate -L zsh
    local line text about
    local -a texts shown going_texts going_shown
    local -a lines=("${(@f)$(command gridrl __complete "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")

    compset -P '*[=/]' # what was typed so far stays as it is; ~/ for one would be quoted
    integer skip=${#${(Q)IPREFIX}} width=0
    for line in "${lines[@]}"; do
        (( ${#${line%%$'\t'*}} - skip > width )) && (( width = ${#${line%%$'\t'*}} - skip ))
    done
    for line in "${lines[@]}"; do
        text=${${line%%$'\t'*}[skip+1,-1]}
        about=${line#*$'\t'}
        [[ -z $text ]] && continue
        [[ -n $about ]] && about="  ${about[1,COLUMNS-width-4]}"
        if [[ $text == *[=./:] ]]; then
            going_texts+=("$text") going_shown+=("${(r:width:)text}$about")
        else
            texts+=("$text") shown+=("${(r:width:)text}$about")
        fi
    done
    (( $#going_texts )) && compadd -l -J gridrl -S '' -d going_shown -a -- going_texts
    (( $#texts )) && compadd -l -J gridrl -d shown -a -- texts
}

if [[ ${funcstack[1]} == _gridrl ]]; then # zsh loads it from $fpath, for somebody pressed a key
    _gridrl "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i -D }
    compdef _gridrl gridrl gridrl-tui
fi
