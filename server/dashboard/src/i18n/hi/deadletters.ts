import type { Messages } from '../messages';

export const deadletters: Messages['deadletters'] = {
  nav: 'अस्वीकृत संदेश',
  title: 'अस्वीकृत संदेश',
  text: 'ये संदेश काम में नहीं लिए जा सके। इनसे कोई दूसरा संदेश नहीं रुकता, और जहाँ संभव हो भेजने वाले को बताया जाता है।',
  reason: 'कारण',
  topic: 'टॉपिक',
  payload: 'संदेश',
  bytes: '{{bytes}} बाइट',
  cut: 'पहले 500 बाइट दिखाए गए हैं।',
  standsFor: 'एक घंटे के ऐसे {{messages}} संदेशों के लिए।',
  none: 'ऐसा कोई संदेश नहीं है।',
  reasons: {
    unknown_junction: 'अज्ञात जंक्शन',
    unknown_lane: 'अज्ञात लेन',
    unknown_device: 'अज्ञात उपकरण',
    ids_disagree: 'ID मेल नहीं खातीं',
    malformed: 'गलत प्रारूप',
    version: 'नया संस्करण',
    other: 'अन्य',
  },
};
