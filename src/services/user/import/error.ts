import { ImportError } from '../../record/csv.ts';

/** What the lines were held against is no longer as it was. */
export const overtaken = (cause?: unknown): ImportError =>
  new ImportError(
    'Nothing was imported: during the import, another change affected a username, address, member or role in the file. ' +
      'Import it again.',
    {
      cause,
    },
  );
