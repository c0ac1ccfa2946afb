// What the test that starts an app gives it, and hears from it.
export const [url = '', token = '', employerId = ''] = process.argv.slice(2);

export const tell = (outcome: object): void => void process.stdout.write(`${JSON.stringify(outcome)}\n`);
