// The arguments and the results of an app, for the test that starts it.
export const [url = '', token = '', employerId = ''] = process.argv.slice(2);

export const tell = (outcome: object): void => void process.stdout.write(`${JSON.stringify(outcome)}\n`);
