# Completion of `ship` in fish, as `ship completion fish` prints it.
function __ship_completion
    for line in (ship completion:words -- (commandline -cp | string collect) 2>/dev/null </dev/null)
        switch $line
            case ':files' ':folders'
                __fish_complete_path (commandline -ct)
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c ship -f -a '(__ship_completion)'
