import type { Messages } from '../messages';

export const logs: Messages['logs'] = {
  nav: 'लॉग',
  title: 'लॉग',
  level: 'स्तर',
  leastLevel: 'न्यूनतम स्तर',
  type: 'विषय',
  where: 'कहाँ',
  none: 'लॉग में ऐसा कुछ नहीं है।',
  types: {
    device: 'उपकरण',
    counts: 'गणना',
    plan: 'प्लान',
    override: 'ओवरराइड',
    schedule: 'समय-सारणी',
    alarm: 'अलार्म',
    server: 'सर्वर',
    retention: 'डेटा अवधि',
  },
};
