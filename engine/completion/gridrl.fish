# Completion of gridrl and gridrl-tui for fish 3 and later.
#     gridrl completion fish | source

function __gridrl_complete
    set -l word (commandline -ct)
    # The word without its quotes, though one of them may still be open.
    set -l plain (string unescape -- $word; or string unescape -- "$word'"; or string unescape -- "$word\"")
    command gridrl __complete (commandline -opc) "$plain" 2>/dev/null
end

for program in gridrl gridrl-tui
    complete -c $program -e
    complete -c $program -f -a '(__gridrl_complete)'
end
