import type { BenevolenceReason } from '../../src/entities/benevolence.ts';

/** 25 descriptions of hardship in the words of applicants, by their reason. */
export const hardshipTexts: Readonly<Record<BenevolenceReason, readonly string[]>> = {
  medical: [
    'I fell from a ladder at home and broke my wrist and elbow. I cannot hold tools for ten weeks, and the disability checks cover about half of what we live on.',
    'My daughter was in intensive care for nine days in a hospital two hours away. Insurance paid the treatment, not the motel, the gas and the shifts I missed.',
    'I start chemotherapy this month and will be off the tools until summer. Our deductible starts over in January and the first bills have arrived.',
    'My husband had a stroke. He needs a ramp and a bathroom he can use before they let him come home, and the plan covers neither.',
    'The surgery on my back was approved late, and the month in between without pay has put us behind on the mortgage.',
    'Our son needs hearing aids. The plan pays for one pair in five years and the last pair was destroyed in an accident that was nobody’s fault.',
    'I was taken by ambulance helicopter after an allergic reaction on vacation. The company that flew me is outside of any network and wants payment now.',
    'I have been on dialysis three days a week since fall. The car that takes me there needs a transmission and I have no other way to go.',
    'My dental infection spread and I was in the hospital for a week. Sick pay ended on the third day and my wife is between jobs.',
  ],
  hardship: [
    'The job I was on was shut down without notice, and I have been on the out-of-work list for eleven weeks. I need help with the electric bill and two months of rent.',
    'My hours were cut to twenty-four since the holidays. We have used our savings for the car note and cannot make the one for this month.',
    'Unemployment was denied by mistake and the appeal takes six weeks. Until then there is no income in the house for the five of us.',
    'After the separation I keep the children and the apartment on one apprentice’s wage. I ask for help with the deposit for the heating.',
    'All of my tools were stolen out of my truck in front of our house. I can work on Monday if I can buy the basic list again.',
    'My paychecks from the last contractor bounced, and the bank charged me for every payment that bounced with them. The wage claim is filed and slow.',
    'The landlord sold the building and we had thirty days to move. The new place wants first and last month together, and I have the first one.',
  ],
  death_in_family: [
    'My mother died on Thanksgiving weekend and left no insurance. I am the only one of her children who works, and the funeral home wants half before the service.',
    'We lost our baby in the seventh month. There is a burial to pay for, and I have taken two weeks without pay to be with my wife.',
    'My father passed away overseas. I had to fly home at a day’s notice and pay for the transport of the body to his village.',
    'My brother, who lived with us and shared the rent, was killed on his motorcycle. I am paying for the cremation and his part of the household.',
  ],
  disaster: [
    'A fire in the unit below ours destroyed nearly everything we own through smoke and water. The renter’s policy had lapsed in the spring.',
    'The creek came up four feet in one night. The furnace, the water heater and the panel are gone, and flood is excluded from our policy.',
    'A tree came through the roof in the windstorm, and we live in one room under a tarpaulin. The insurer pays after a deductible that we do not have.',
  ],
  other: [
    'I was called for a jury that sat for five weeks. The court pays twenty dollars a day, and the difference has eaten the money for my license renewal.',
    'I am the legal guardian of my two nephews since August. They came with one bag each, and need beds, coats and school fees all at the same time.',
  ],
};
