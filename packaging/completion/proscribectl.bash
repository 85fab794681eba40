# bash completion for proscribectl(1)

# What is called $2 (metadata or keys) in the repository that -C names, without .json and numbered roots
_proscribectl_names()
{
    local i folder=. file
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        [[ ${words[i]} == @(-C|--in) ]] && folder=${words[i + 1]}
    done
    for file in "${folder/#\~/$HOME}/$1"/*.json; do
        file=${file##*/}
        [[ $file == +([0-9]).root.json || $file == '*.json' ]] || printf '%s\n' "${file%.json}"
    done
}

_proscribectl()
{
    local cur prev words cword
    _init_completion 2>/dev/null || {
        cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    }

    local i command= sub= operand=
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
        -*) ;;
        status | check | identify | scan | findings | log | export | why | policy | enroll | update | purl | vers)
            command=${words[i]}
            [[ $command == @(policy|purl|vers) && $i -lt $((cword - 1)) ]] && sub=${words[i + 1]}
            break
            ;;
        repo)
            command=repo
            for ((i++; i < cword; i++)); do # options, and their values, may stand between the words
                case ${words[i]} in
                -C | --in | -k | --key | --keys | --source | --owner | --scheme | --passphrase-file | --expires | \
                    --threshold | --path | --role | --root | --ca-file | -o | --output) ((i++)) ;;
                -*) ;;
                *)
                    if [[ -z $sub || $sub == @(key|role) ]]; then
                        sub=${sub:+$sub }${words[i]}
                    else
                        operand=${words[i]}
                    fi
                    ;;
                esac
            done
            break
            ;;
        esac
    done

    case $prev in
    --format)
        COMPREPLY=($(compgen -W 'csv jsonl' -- "$cur"))
        return
        ;;
    --since)
        COMPREPLY=($(compgen -W 'today yesterday 1h 24h 7d' -- "$cur"))
        return
        ;;
    -C | --in | --keys | --policy)
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -d -- "$cur"))
        return
        ;;
    --socket | --ledger | --state | --root | --ca-file | --source | --passphrase-file | -o | --output)
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$cur"))
        return
        ;;
    --type)
        COMPREPLY=($(compgen -W 'alpm apk bazel bitbucket bitnami brew cargo chrome-extension cocoapods composer
            conan conda cpan cran deb docker gem generic git github golang hackage hex huggingface julia luarocks
            maven mlflow npm nuget oci opam otp pub pypi qpkg rpm swid swift vcpkg vscode-extension yocto' -- "$cur"))
        return
        ;;
    -k | --key)
        COMPREPLY=($(compgen -W "$(_proscribectl_names keys)" -- "$cur") $(compgen -f -- "$cur"))
        return
        ;;
    --role)
        COMPREPLY=($(compgen -W "$(_proscribectl_names metadata)" -- "$cur"))
        return
        ;;
    --scheme)
        COMPREPLY=($(compgen -W 'ed25519 ecdsa rsa' -- "$cur"))
        return
        ;;
    --expires)
        COMPREPLY=($(compgen -W '7d 90d 1y' -- "$cur"))
        return
        ;;
    --owner | --threshold | --path | -n | --number | --repository | --namespace | --name | --version | --qualifier | --subpath)
        return
        ;;
    esac

    local options='--json --help'
    case $command in
    '') COMPREPLY=($(compgen -W 'status check identify scan findings log export why policy enroll update repo purl vers help --version' -- "$cur")) && return ;;
    status) options+=' --socket' ;;
    check | identify) options+=' --policy --socket' ;;
    scan) options+=' --policy --socket --other-filesystems --resume --state' ;;
    enroll) options='--root --repository --ca-file --yes --socket --help' ;;
    update) options+=' --socket' ;;
    findings) options+=' --all --socket --ledger' ;;
    log) options+=' --follow --since --number --socket --ledger' ;;
    export) options+=' --format --since --output --socket --ledger' ;;
    why) options+=' --socket --ledger' ;;
    policy)
        case $sub in
        '') COMPREPLY=($(compgen -W 'check reload' -- "$cur")) && return ;;
        reload) options+=' --socket' ;;
        esac
        ;;
    repo)
        case $sub in
        '') COMPREPLY=($(compgen -W 'init key role add diff status sign payload add-signature publish refresh verify' -- "$cur")) && return ;;
        key) COMPREPLY=($(compgen -W 'generate import list' -- "$cur")) && return ;;
        role) COMPREPLY=($(compgen -W 'threshold add-key remove-key expire delegate undelegate' -- "$cur")) && return ;;
        esac
        options='--in --help'
        case $sub in
        init) options+=' --key --keys --owner --scheme --passphrase-file --no-passphrase --json' ;;
        'key generate') options+=' --scheme --owner --keys --passphrase-file --no-passphrase' ;;
        'key import') options+=' --source --owner --keys --passphrase-file' ;;
        'key list') options+=' --keys --json' ;;
        'role expire') options+=' --expires --json' ;;
        'role delegate') options+=' --path --key --threshold --terminating --role --expires --json' ;;
        role*) options+=' --json' ;;
        add) options+=' --role --dry-run --expires --json' ;;
        status) options+=' --output --json' ;;
        sign) options+=' --key --keys --passphrase-file --yes' ;;
        payload) options+=' --output' ;;
        add-signature) options+=' --key' ;;
        publish | refresh) options+=' --keys --passphrase-file --expires --dry-run --json' ;;
        diff) options+=' --root --ca-file --json' ;;
        verify) options='--root --ca-file --json --help' ;;
        esac
        ;;
    purl)
        case $sub in
        '') COMPREPLY=($(compgen -W 'parse build' -- "$cur")) && return ;;
        build) options+=' --type --namespace --name --version --qualifier --subpath' ;;
        esac
        ;;
    vers)
        [[ -n $sub ]] || { COMPREPLY=($(compgen -W 'compare contains' -- "$cur")) && return; }
        ;;
    esac

    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    elif [[ $command == check || $command == identify ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$cur"))
    elif [[ $command == scan ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$cur"))
    elif [[ $command == policy && $sub == check ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -d -- "$cur"))
    elif [[ $command == repo && $sub == @(init|add|diff|publish|refresh|verify) ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -d -- "$cur"))
    elif [[ $command == repo && $sub == role\ *-key && $operand ]]; then
        COMPREPLY=($(compgen -W "$(_proscribectl_names keys)" -- "$cur"))
    elif [[ $command == repo && $sub == add-signature && $operand ]] || [[ $command == repo && $sub == 'key import' ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$cur"))
    elif [[ $command == repo && $sub == @(sign|payload|add-signature|role\ @(threshold|add-key|remove-key|expire|undelegate)) ]]; then
        COMPREPLY=($(compgen -W "$(_proscribectl_names metadata)" -- "$cur"))
    elif [[ $command == vers && $prev == compare ]]; then
        COMPREPLY=($(compgen -W 'npm semver deb rpm pypi apk maven gem golang intdot datetime lexicographic' -- "$cur"))
    fi
}

complete -F _proscribectl proscribectl
