// Shows how to test a resolver with the whole service, seeded users, a mailbox and a clock.
import { expect, it } from '@jest/globals';
import { aLocal } from '../../test/support/local.ts';

const local = await aLocal();

const file = `mutation File($input: FileGrievanceInput!) {
  fileGrievance(input: $input) { id status member { fullName } availableActions }
}`;

interface Filed {
  fileGrievance: { id: string; status: string; member: { fullName: string }; availableActions: string[] };
}

async function grievanceOf(fullName: string): Promise<object> {
  const { members, organizations } = await local.staff.see<{
    members: { nodes: { id: string; fullName: string }[] };
    organizations: { nodes: { id: string }[] };
  }>(
    '{ members(first: 100, filter: { lastName: { eq: "Benedetti" } }) { nodes { id fullName } } organizations(first: 1) { nodes { id } } }',
  );
  const memberId = members.nodes.find((each) => each.fullName === fullName)?.id;
  return { memberId, employerId: organizations.nodes[0]?.id, violationDescription: 'A break was refused.' };
}

it('the office files, the grievant can read, and another member cannot', async () => {
  const input = await grievanceOf('Carla Benedetti');
  const { fileGrievance } = await local.staff.see<Filed>(file, { input });
  expect(fileGrievance).toMatchObject({ status: 'OPEN', member: { fullName: 'Carla Benedetti' } });
  expect(fileGrievance.availableActions).toContain('INVESTIGATE');

  const read = 'query ($id: ID!) { grievance(id: $id) { status availableActions } }';
  expect(await local.member.see(read, fileGrievance)).toEqual({ grievance: { status: 'OPEN', availableActions: [] } });
  expect((await local.testuser.ask(read, fileGrievance)).codes).toEqual(['NOT_FOUND']);
  expect((await local.member.ask(file, { input })).codes).toEqual(['FORBIDDEN']);
});

it('a reset is mailed, and its token expires by the clock', async () => {
  const ask = 'mutation { requestPasswordReset(email: "member@unionhall.test") }';
  const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }';
  const newPassword = 'a long walk to the hall';

  await local.anonymous.see(ask);
  const token = await local.mailedToken('member@unionhall.test');
  local.clock.turn(31 * 60);
  expect((await local.anonymous.ask(reset, { input: { token, newPassword } })).codes).toEqual(['BAD_INPUT']);

  await local.anonymous.see(ask);
  const fresh = await local.mailedToken('member@unionhall.test');
  expect(await local.anonymous.see(reset, { input: { token: fresh, newPassword } })).toEqual({ resetPassword: true });
});
