# Completion of gridrl and gridrl-tui for bash 3.2 and later; bash-completion is not needed.
#     source <(gridrl completion bash)
# bash hands out words cut at = and :, so gridrl gets the line as it was typed and says what to put in its last part.
# A finished word brings its own space, hence nospace.

_gridrl() {
    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(command gridrl __complete --bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}

complete -o nospace -F _gridrl gridrl gridrl-tui
