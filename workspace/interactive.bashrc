# Start-up file of `./run shell`: the user's own first, then our Python in front again, as many
# start-up files put another one there.
_polytask_path=$PATH
[ -f ~/.bashrc ] && . ~/.bashrc
PATH=$_polytask_path
PS1="(polytask) ${PS1-\$ }"
unset _polytask_path
