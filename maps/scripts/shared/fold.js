'use strict';
/* Names folded to keys: Latin and Cyrillic spellings of one name are one key. */
const fold = (() => {
  const LETTERS = {
    а: 'a', б: 'b', в: 'v', г: 'g', ғ: 'g', д: 'd', е: 'e', ё: 'yo', ж: 'j', җ: 'j', ҷ: 'j', з: 'z', и: 'i', ӣ: 'i', і: 'i',
    й: 'y', к: 'k', қ: 'k', л: 'l', м: 'm', н: 'n', ң: 'n', о: 'o', ө: 'o', п: 'p', р: 'r', с: 's', т: 't', у: 'u', ӯ: 'u',
    ў: 'o', ү: 'u', ұ: 'u', ф: 'f', х: 'h', ҳ: 'h', һ: 'h', ц: 'ts', ч: 'ch', ш: 'sh', щ: 'sh', ъ: '', ы: 'i', ь: '', э: 'e',
    ә: 'a', ю: 'yu', я: 'ya', ı: 'i', ə: 'a', ş: 'sh', ç: 'ch', ž: 'j', ý: 'y', ň: 'n', ğ: 'g', ğ: 'g',
  };

  /** Fold a name to its key: 'Сўх', 'So‘x' and 'Sokh' are one. */
  function fold(text) {
    return [...text.toLowerCase().normalize('NFC')]
      .map(letter => letter in LETTERS ? LETTERS[letter] : letter).join('')
      .normalize('NFKD').replace(/[\u0300-\u036f]/g, '')
      .replace(/['’‘ʻʼ`´"“”]/g, '')
      .replace(/kh|x/g, 'h').replace(/dzh|zh|dj/g, 'j').replace(/q/g, 'k').replace(/w/g, 'v')
      .replace(/iy|yi|y/g, 'i').replace(/(.)\1+/g, '$1')
      .replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
  }

  return fold;
})();
