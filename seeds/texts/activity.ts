import type { SaltingActivityType, SaltingOutcome } from '../../src/entities/salting.ts';

/** The reports for one type of activity, by outcome. `pending` has no outcome yet. */
export type ActivityTexts = Readonly<Record<SaltingOutcome | 'pending', readonly string[]>>;

/** 72 reports of organizers, eight for each type of activity. */
export const activityTexts: Readonly<Record<SaltingActivityType, ActivityTexts>> = {
  outreach: {
    positive: [
      'Called through the list from the last job fair; most picked up, and two asked when they could meet after the shift.',
      'A former apprentice now on their crew passed our number around, and people rang back by themselves to ask about the pension.',
      'Wrote to the night crew about the unpaid travel time; the answers named dates, trucks and the dispatcher who refuses it.',
    ],
    neutral: [
      'Telephoned the service technicians about safety training. Polite, curious about the rates, nobody wanted to commit to a meeting.',
      'Messages to the warehouse electricians were read and answered with questions about dues. Sent the one-page comparison.',
    ],
    negative: [
      'The people reached by telephone had just been told the contract would be lost if a union came in, and asked not to be called again.',
    ],
    no_contact: [
      'Worked through the old call list: numbers disconnected or voicemail only. The list needs to be rebuilt from the site logs.',
    ],
    pending: ['Mailed a letter about prevailing wages to the addresses we have; answers are expected within two weeks.'],
  },
  site_visit: {
    positive: [
      'Walked the parking structure at lunch. The crew showed us temporary panels without covers and wanted to know how we handle that.',
      'Stood with the morning shift at the gate. A lead hand introduced us to his whole crew and said it was about time.',
      'The foreman let us onto the school site for ten minutes; people came over from the second floor to take a card home.',
    ],
    neutral: [
      'Visited the substation job. Workers talked freely about overtime, less freely with the superintendent twenty feet away.',
      'Counted the vans and spoke with the crew loading them; they know us, and they are waiting to see what the raise in June will be.',
    ],
    negative: ['The superintendent walked beside us the entire time and the crew would not look up from the conduit they were bending.'],
    no_contact: ['Site was shut for an inspection and the gate chained. Left, and noted the new start time posted on the fence.'],
    pending: ['Visited the hospital addition together with the business agent; the notes from both crews still have to be compared.'],
  },
  leafleting: {
    positive: [
      'Leaflets on the wage gap at both exits. People stopped, read, and several came back to take some for the afternoon shift.',
      'Handed out the heat-safety leaflet on the hottest day of the month; the water cooler in our trunk started most of the conversations.',
      'Left the leaflet about misclassified helpers with the crew at the supply house, who put it up on their own board.',
    ],
    neutral: [
      'Leafleted the employee lot from five thirty. Most took one and folded it away without a word, which at this gate is progress.',
      'Distributed the benefits comparison outside the orientation. New hires took it; the older hands said they had seen it before.',
    ],
    negative: ['Leaflets were collected by a supervisor at the turnstile, and workers were told in front of us to throw theirs away.'],
    no_contact: ['Stood at the east gate for an hour in freezing rain while everyone was driven in by shuttle through the west one.'],
    pending: ['Left leaflets in the trailers of the subcontractors; the steward next door will tell us whether they were talked about.'],
  },
  one_on_one: {
    positive: [
      'Coffee with a journeyman who keeps a notebook of every short paycheck since spring. Ready to speak to the rest of the crew.',
      'Met a second-year helper at home. His wife asked the better questions, mostly about family coverage, and both liked the answers.',
      'Long talk on a tailgate with the man everyone asks when a drawing is wrong. He wants in and knows who will follow him.',
    ],
    neutral: [
      'Met a meter technician at the diner. She sees the point of a contract but is two years from vesting in the company plan.',
      'Spoke with a dispatcher about scheduling; listens well, says little, and promised only to read the material.',
    ],
    negative: ['He was passed over in a strike elsewhere years ago and holds every union responsible for it. Thanked him for his honesty.'],
    no_contact: ['Drove out to the agreed place and waited three quarters of an hour. Nobody came and the telephone was switched off.'],
    pending: ['First talk with a worker from the controls shop cut short by a call-out; we agreed to go on after the weekend.'],
  },
  meeting: {
    positive: [
      'The back room was full. The crew told one another their rates aloud for the first time and the mood turned in a minute.',
      'Evening meeting at the hall with workers from both shifts; they chose four people among themselves to map the departments.',
      'Follow-up meeting on the bonus that was never paid. People left with tasks and with the date of the next one.',
    ],
    neutral: [
      'A handful came to the library meeting, listened to the end and asked for something in writing about strike pay.',
      'Meeting at the church hall drew the same faces as last time. Good discussion of the insurance, no new departments.',
    ],
    negative: ['Half of those who came had been sent to take names. The others noticed, finished their coffee and went home.'],
    no_contact: ['Room booked, chairs set out, overtime called at four. Nobody could come and we stacked the chairs again.'],
    pending: ['Meeting held jointly with the sheet metal workers; waiting for their count before we write down how it went.'],
  },
  petition_drive: {
    positive: [
      'The petition for paid tool loss went from hand to hand through the fabrication shop before the first break was over.',
      'Collected names for a second sanitary trailer on the site. A demand this plain gets signatures even from the cautious ones.',
      'Petition on the start-time change: the whole commissioning team signed in a row and asked for a copy to hand in themselves.',
    ],
    neutral: [
      'Some signed the petition about parking fees, some wanted to see first whether others would. We left the sheet with a volunteer.',
      'The petition for posted schedules is liked, but people want it worded without naming the scheduler. Agreed to redraft it.',
    ],
    negative: ['Word had gone round that signers would lose the four-day week. The pen was handed back to us more than once.'],
    no_contact: ['Came for the petition on the day the crew was moved to the other county. An empty laydown yard and a watchman.'],
    pending: ['Petition sheets are out with three volunteers on different floors and come back at the end of the pay period.'],
  },
  card_signing: {
    positive: [
      'Cards signed on the hood of a pickup after the shift; two of them brought brothers-in-law from the panel shop along.',
      'Signing evening at the hall with supper. Those who came for the food stayed to have the card explained line by line.',
      'The committee collected cards in the controls shop by itself today; we only checked the dates and the printed names.',
    ],
    neutral: [
      'Brought cards to the break area. They were read carefully, carried home to be discussed, and will be asked for again next week.',
      'Cards offered after the toolbox talk. The helpers are willing, and wait for their lead man to go first.',
    ],
    negative: [
      'Management had held a meeting an hour before we came. People apologized, and two asked to have the talk of the week before forgotten.',
    ],
    no_contact: ['Arrived to collect cards, but the crew had been sent home at noon for lack of material. Nobody left on the site.'],
    pending: ['Blank cards handed to the volunteer committee for the second shift; the signed ones are to be picked up on Friday.'],
  },
  information_session: {
    positive: [
      'Session on the right to organize with a labor lawyer present. The questions went on in the parking lot until the lights went off.',
      'Explained a pay stub under our agreement next to one of theirs. Somebody laughed, and after that everyone wanted to talk.',
      'Apprenticeship evening for helpers: they filled in the interest forms and asked what it takes to bring the employer in as well.',
    ],
    neutral: [
      'Information session about the health plan. Attentive room; most already have coverage through a spouse and saw no hurry.',
      'Presented the grievance procedure to the maintenance crew. They compared it with their open-door policy and promised to think.',
    ],
    negative: ['Somebody read the company letter about dues aloud before we began, and the hour went into answering it to folded arms.'],
    no_contact: ['The session at the community college fell on the evening of the playoff game. The projector had no audience at all.'],
    pending: ['Session held by video for the traveling crews; the evaluation sheets have been sent out and not come back yet.'],
  },
  other: {
    positive: [
      'Sponsored the softball game between two crews of theirs; we kept score, and by the seventh inning we were talking about pensions.',
      'Our table at the county fair was next to their recruiting booth. Their own electricians spent the slow hours at ours.',
      'Helped a worker fill in a safety complaint. The inspector came within the week, and the crew knows who stood by them.',
    ],
    neutral: [
      'Rode along on the charity run with people from their office. Names were learned, nothing was asked for, as intended.',
      'Photographed posted notices and schedules for the file while waiting for a worker who then had only a minute.',
    ],
    negative: [
      'Spoke at the retirement party we had been invited to, and were asked by the family to leave the shop out of it. Rightly so.',
    ],
    no_contact: ['Went through public permits at the county office to learn where the crews will be next. No workers met today.'],
    pending: ['Filed a request for the certified payrolls of the courthouse job; how useful this was depends on what comes back.'],
  },
};
