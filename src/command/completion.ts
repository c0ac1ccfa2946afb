import type { Command } from 'commander';

/** Prints a completion script of all commands with their options. Zsh runs the script of bash. */
export function completionScript(program: Command, shell: 'bash' | 'zsh'): string {
  const commands = program.commands.map((command) => command.name());
  const cases = program.commands.map((command) => {
    const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
    const words = [...choices, ...command.options.flatMap(({ long }) => long ?? []), '--help'];
    return `    ${command.name()}) words=${quoted(words)} ;;`;
  });
  return [
    ...(shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
    '_unionhall() {',
    // a colon parts words in bash, so the word that is completed is read from the line
    '  local line="${COMP_LINE:0:COMP_POINT}" words current command',
    '  current="${line##* }"',
    '  read -r _ command _ <<< "$line"',
    '  [ "$command" = "$current" ] && command=',
    '  case "$command" in',
    `    '') words=${quoted([...commands, '--help', '--version'])} ;;`,
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '  case "$current" in *:*) COMPREPLY=("${COMPREPLY[@]#"${current%:*}:"}") ;; esac',
    '}',
    'complete -o default -F _unionhall unionhall',
  ].join('\n');
}

const quoted = (words: readonly string[]): string => `'${words.join(' ')}'`;
