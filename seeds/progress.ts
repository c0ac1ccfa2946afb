import type { SeedOptions } from './index.ts';

/** The output for progress: stderr, or the stream of a test. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/**
 * Shows the progress of a run: as a bar on a terminal, otherwise as a line every few seconds. Shows nothing during the
 * first second.
 */
export function progressOn(
  stream: ProgressStream,
  now: () => number = () => performance.now(),
  doing = 'Seeding',
): { progress: NonNullable<SeedOptions['progress']>; end: () => void } {
  const isBar = stream.isTTY === true;
  const began = now();
  let next = began + (isBar ? 1000 : 5000);
  let isShown = false;
  const progress: SeedOptions['progress'] = (done, total, table, rows) => {
    const time = now();
    if (time < next) return;
    next = time + (isBar ? 100 : 5000);
    isShown = true;
    const share = done / total;
    const pace = `${count(rows)} rows, ${count((rows / (time - began)) * 1000)} a second`;
    stream.write(
      isBar ? `\r${bar(share, `${table}, ${pace}`, stream.columns ?? 80)}` : `${doing}: ${percent(share)}, at ${table}; ${pace}.\n`,
    );
  };
  const end = () => {
    if (isBar && isShown) stream.write('\r\u001b[K');
  };
  return { progress, end };
}

function bar(share: number, text: string, columns: number): string {
  const width = 20;
  const full = Math.round(share * width);
  const line = `${'█'.repeat(full)}${'░'.repeat(width - full)} ${percent(share).padStart(5)}  ${text}`;
  return `${line.slice(0, columns - 1)}\u001b[K`;
}

const percent = (share: number): string => `${Math.floor(share * 100)} %`;
const count = (number: number): string => Math.round(number).toLocaleString('en-US');
