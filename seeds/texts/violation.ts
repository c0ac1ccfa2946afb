/** A violation of an agreement by an employer, and its remedy. */
export interface ViolationText {
  readonly article: string;
  readonly violation: string;
  readonly remedy: string;
}

/** 30 violations with their remedies, two for each of fifteen articles. */
export const violationTexts: readonly ViolationText[] = [
  {
    article: 'Article 4 – Union Security',
    violation: 'The employer put four helpers to work without telling the hall and let them do bargaining-unit work for seven weeks.',
    remedy: 'Dispatch through the referral list, and pay the first four on the list for the hours worked.',
  },
  {
    article: 'Article 5 – Steward Rights',
    violation: 'The steward was refused release time for an investigatory interview, and the member had to go in alone.',
    remedy: 'Strike the interview from the file, and release the steward for every such interview from now on.',
  },
  {
    article: 'Article 7 – Hours of Work',
    violation: 'Starting time was moved to four in the morning with a text message on the evening before.',
    remedy: 'Pay the hours before six at the overtime rate, and give the five days’ notice that the article demands.',
  },
  {
    article: 'Article 8 – Overtime',
    violation:
      'Saturday overtime was offered to two friends of the foreman while the grievant, who was lowest on the equalization list, was not asked.',
    remedy: 'Pay the grievant ten hours at time and a half, and post the list every Friday.',
  },
  {
    article: 'Article 9 – Wages',
    violation: 'The raise due in January was first paid in March and the eight weeks in between were never made good.',
    remedy: 'Back pay for the eight weeks, with contributions to the funds on it.',
  },
  {
    article: 'Article 10 – Travel and Subsistence',
    violation: 'The crew was sent to a job ninety miles away and subsistence was paid for the nights but not for the days of travel.',
    remedy: 'Pay travel time and mileage both ways for every member of the crew.',
  },
  {
    article: 'Article 12 – Health and Safety',
    violation: 'The grievant was told to work on an energized panel without a permit, refused, and was sent home without pay.',
    remedy: 'Pay the lost day, remove the warning, and hold a review of the permit procedure with the safety committee.',
  },
  {
    article: 'Article 13 – Seniority',
    violation: 'In the layoff in autumn a journeyman with eleven years was let go while two with less than three were kept.',
    remedy: 'Reinstate the grievant with seniority and back pay.',
  },
  {
    article: 'Article 14 – Layoff and Recall',
    violation: 'Two positions were filled from outside while the grievant still had the right to be recalled to them.',
    remedy: 'Recall the grievant to the next opening, and pay the wages lost since the first of the two was filled.',
  },
  {
    article: 'Article 15 – Discipline and Discharge',
    violation: 'The grievant was discharged for a first lateness of twelve minutes, without the warnings that come before it.',
    remedy: 'Reinstatement, back pay, and a discipline record without the incident.',
  },
  {
    article: 'Article 16 – Holidays and Vacation',
    violation: 'A vacation that had been approved in February was canceled in June, two days before it, with the flights already paid.',
    remedy: 'Reimburse the flights and grant the two weeks at a time of the grievant’s choosing.',
  },
  {
    article: 'Article 18 – Jurisdiction',
    violation: 'Supervisors pulled cable for three nights on a shutdown although members had volunteered for the shift.',
    remedy: 'Pay the members who had volunteered for the hours that supervisors worked.',
  },
  {
    article: 'Article 19 – Subcontracting',
    violation: 'The fire-alarm portion of the project was given to a contractor without an agreement and without notice to the union.',
    remedy: 'Cease the subcontract, and pay the hours worked under it into the funds.',
  },
  {
    article: 'Article 21 – Apprenticeship Ratio',
    violation: 'On the warehouse job five apprentices worked under two journeymen, one of whom was in the office half of the day.',
    remedy: 'Bring the ratio to the agreement at once, and add journeymen from the list for the weeks it was exceeded.',
  },
  {
    article: 'Article 23 – Fringe Benefits',
    violation:
      'No contributions were paid to the health fund for the grievant’s last four months, and his family found it out at the pharmacy.',
    remedy: 'Pay the contributions with interest, and cover the bills that the fund refused.',
  },
  {
    article: 'Article 4 – Union Security',
    violation: 'New hires were handed a form to decline membership together with their tax papers and told that most people sign it.',
    remedy: 'Withdraw the form, and let the steward speak at every orientation for thirty minutes.',
  },
  {
    article: 'Article 5 – Steward Rights',
    violation:
      'The bulletin board of the union was taken down when the break room was painted and has not been put up again in two months.',
    remedy: 'Put the board back where it was, and agree that its contents are not to be touched.',
  },
  {
    article: 'Article 7 – Hours of Work',
    violation: 'The unpaid meal period is interrupted by radio calls on most days, and the interruptions are not paid.',
    remedy: 'Pay the meal periods of the past sixty days at the overtime rate and keep the radios off during meals.',
  },
  {
    article: 'Article 8 – Overtime',
    violation: 'The grievant worked through a double shift at straight time since the second one was entered as a schedule change.',
    remedy: 'Pay the difference to double time for eight hours and correct the time sheet.',
  },
  {
    article: 'Article 9 – Wages',
    violation: 'The grievant has led a crew of six since spring and is still paid as a journeyman.',
    remedy: 'Foreman’s rate from the first day of leading the crew, and the classification to go with it.',
  },
  {
    article: 'Article 10 – Travel and Subsistence',
    violation: 'Members were made to park at a lot forty minutes away and ride a shuttle before they could clock in.',
    remedy: 'Count the time on the shuttle as time worked, from the opening of the lot on.',
  },
  {
    article: 'Article 12 – Health and Safety',
    violation:
      'The fall-protection harnesses on the tower job were past their inspection date, and replacements that were asked for did not come.',
    remedy: 'Replace the equipment, and pay the crew for the two days on which it rightly refused to climb.',
  },
  {
    article: 'Article 13 – Seniority',
    violation: 'The vacancy on the day shift was awarded to a junior bidder because, as the manager put it, she interviews better.',
    remedy: 'Award the shift to the senior qualified bidder and pay the night differential until then.',
  },
  {
    article: 'Article 14 – Layoff and Recall',
    violation: 'The crew was laid off at the gate on Friday morning without the day of notice or the pay in place of it.',
    remedy: 'Eight hours’ pay for each member of the crew.',
  },
  {
    article: 'Article 15 – Discipline and Discharge',
    violation:
      'A three-day suspension was given for posting a photograph of the site that the employer’s own account had published before.',
    remedy: 'Rescind the suspension, and pay the three days.',
  },
  {
    article: 'Article 16 – Holidays and Vacation',
    violation: 'Those who were off sick on the day after the holiday were not paid for the holiday, doctor’s note or not.',
    remedy: 'Holiday pay for everyone who brought a note.',
  },
  {
    article: 'Article 18 – Jurisdiction',
    violation: 'Laborers were assigned to terminate low-voltage devices on two floors after our crew had been sent to another building.',
    remedy: 'Return the work to the bargaining unit, and pay the hours lost to the crew.',
  },
  {
    article: 'Article 19 – Subcontracting',
    violation: 'Panel assembly that was always done in our shop now arrives finished from a plant in another state.',
    remedy: 'Bring the assembly back into the shop, or pay the shop crew for the hours it replaced.',
  },
  {
    article: 'Article 21 – Apprenticeship Ratio',
    violation: 'A first-year apprentice was left alone on a lift for a week with a list of fixtures to hang.',
    remedy: 'No apprentice to work without a journeyman in sight, and a written assurance of it to the JATC.',
  },
  {
    article: 'Article 23 – Fringe Benefits',
    violation: 'Pension contributions on overtime hours were paid at the straight-time rate throughout last year.',
    remedy: 'An audit of the year, and payment of what it finds, with the liquidated damages of the trust agreement.',
  },
];
