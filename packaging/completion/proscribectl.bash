# bash completion for proscribectl(1)

_proscribectl()
{
    local cur prev words cword
    _init_completion 2>/dev/null || {
        cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    }

    local i command= sub=
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
        -*) ;;
        status | check | identify | scan | findings | log | export | why | policy | enroll | update | purl | vers)
            command=${words[i]}
            [[ $command == @(policy|purl|vers) && $i -lt $((cword - 1)) ]] && sub=${words[i + 1]}
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
    --policy)
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -d -- "$cur"))
        return
        ;;
    --socket | --ledger | --state | --root | --ca-file | -o | --output)
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
    -n | --number | --repository | --namespace | --name | --version | --qualifier | --subpath)
        return
        ;;
    esac

    local options='--json --help'
    case $command in
    '') COMPREPLY=($(compgen -W 'status check identify scan findings log export why policy enroll update purl vers help --version' -- "$cur")) && return ;;
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
    elif [[ $command == vers && $prev == compare ]]; then
        COMPREPLY=($(compgen -W 'npm semver deb rpm pypi apk maven gem golang intdot datetime lexicographic' -- "$cur"))
    fi
}

complete -F _proscribectl proscribectl
