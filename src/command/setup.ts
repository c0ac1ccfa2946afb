import { styleText } from 'node:util';
import type { Config } from '../config.ts';
import { examine } from './doctor.ts';
import { changeSettings, type SettingsAction } from './settings.ts';
import { keyringOf } from './opening.ts';
import { CommandError, counted, processTerminal, say, sayJson } from './operator.ts';

/** Shows the database connection, tests another one, or saves it for the next start. */
export async function settings(
  config: Config,
  word: SettingsAction,
  { json }: { readonly json?: boolean } = {},
): Promise<void> {
  const { text, facts } = await changeSettings(config, () => keyringOf(config), word, processTerminal());
  if (json) sayJson(facts);
  else say(text);
}

/** Checks the installation and prints the result of each check. */
export async function doctor(config: Config, { json }: { readonly json?: boolean } = {}): Promise<void> {
  const findings = await examine(config);
  if (json) sayJson(findings.map(({ what, says, isFault }) => ({ check: what, ok: !isFault, message: says })));
  for (const { what, says, isFault } of json ? [] : findings)
    say(`${isFault ? styleText('red', 'failed') : styleText('green', 'ok    ')}  ${what}: ${says}`);
  const faults = findings.filter(({ isFault }) => isFault).length;
  if (faults > 0) throw new CommandError(`${counted(faults, 'check', 'checks')} failed.`);
}
