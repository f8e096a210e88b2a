/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Countries
 *
 * Sources: ISO 3166-1; SWIFT's IBAN registry, release 101 (89 countries); ITU-T list of E.164 country codes; for
 * domains the country codes and the generic names that carry most mail, since the whole list changes weekly.
 */

#include "detect/country.h"

static const char country_codes[] = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCF"
                                    "CGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDK"
                                    "DMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHU"
                                    "IDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKI"
                                    "KMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZ"
                                    "NANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPH"
                                    "PKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTH"
                                    "TJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVA"
                                    "VCVEVGVIVNVUWFWSXKYEYTZAZMZW";

struct iban_size {
    const char *countries;
    uint8_t size;
};

static const struct iban_size iban_sizes[] = {
    {"NO", 15},
    {"BE", 16},
    {"DKFIFKFOGLNLSD", 18},
    {"MKSI", 19},
    {"ATBAEEKZLTLUMNXK", 20},
    {"CHHRLILV", 21},
    {"BGBHCRDEGBGEIEMERSVA", 22},
    {"AEGIILIQOMSOTL", 23},
    {"ADCZESMDPKROSASESKTNVG", 24},
    {"LYPTST", 25},
    {"ISTR", 26},
    {"BIDJFRGRITMCMRSM", 27},
    {"ALAZBYCYDOGTHNHULBNIPLSV", 28},
    {"BREGPSQAUA", 29},
    {"JOKWMUYE", 30},
    {"MTSC", 31},
    {"LC", 32},
    {"RU", 33},
};

/* Calling codes of one, two and three digits that begin with this one or two digits; no code is the start of another.
 */
static const char calling_codes_two[] =
    "20273031323334363940414344454647484951525354555657586061626364656681828486909192"
    "93949598";
static const char calling_codes_three[] =
    "211212213216218220221222223224225226227228229230231232233234235236237238239240241242243244245246247248249250251252"
    "253254255256257258260261262263264265266267268269290291297298299350351352353354355356357358359370371372373374375376"
    "377378379380381382383385386387389420421423500501502503504505506507508509590591592593594595596597598599670672673674"
    "675676677678679680681682683685686687688689690691692800808850852853855856870878880881882883886888960961962963964965"
    "966967968970971972973974975976977979992993994995996998";

static const char *const generic_domains[] = {
    "com",     "net",   "org",   "info", "biz",    "edu",   "gov",    "mil",   "int",   "name",
    "pro",     "aero",  "coop",  "app",  "dev",    "cloud", "online", "shop",  "store", "site",
    "tech",    "xyz",   "email", "blog", "live",   "work",  "world",  "today", "life",  "agency",
    "digital", "media", "group", "bank", "health", "care",  "insure", "mobi",  "jobs"};

/* What follows an '@' in file names and markup, and names that are never delegated (RFC 2606, RFC 6762). */
static const char *const no_domains[] = {"png", "jpg",   "jpeg", "gif", "svg",  "webp",    "css",      "js",
                                         "mjs", "json",  "html", "htm", "xml",  "yaml",    "yml",      "txt",
                                         "pdf", "local", "ts",   "tsx", "test", "invalid", "localhost"};

static bool pairs_have(const char *pairs, uint8_t first, uint8_t second)
{
    for (uint32_t i = 0; pairs[i] != '\0'; i += 2)
        if ((uint8_t)pairs[i] == first && (uint8_t)pairs[i + 1] == second)
            return true;
    return false;
}

bool country_is_code(uint8_t first, uint8_t second)
{
    return pairs_have(country_codes, first, second);
}

uint32_t country_iban_size(uint8_t first, uint8_t second)
{
    for (size_t i = 0; i < ARRAY_COUNT(iban_sizes); i++)
        if (pairs_have(iban_sizes[i].countries, first, second))
            return iban_sizes[i].size;
    return 0;
}

uint32_t country_calling_code_size(struct span digits)
{
    if (digits.size < 3)
        return 0;
    if (digits.data[0] == '1' || digits.data[0] == '7')
        return 1;
    if (pairs_have(calling_codes_two, digits.data[0], digits.data[1]))
        return 2;
    for (uint32_t i = 0; calling_codes_three[i] != '\0'; i += 3)
        if (memcmp(calling_codes_three + i, digits.data, 3) == 0)
            return 3;
    return 0;
}

uint32_t country_domain_rank(struct span name)
{
    if (name.size < 2 || span_is_one_of(name, no_domains, ARRAY_COUNT(no_domains)))
        return 0;
    if (name.size == 2) {
        uint8_t first = (uint8_t)(name.data[0] & ~0x20), second = (uint8_t)(name.data[1] & ~0x20);
        bool more = pairs_have("EUUKSUAC", first, second);
        return more || country_is_code(first, second) ? 2 : 0;
    }
    return span_is_one_of(name, generic_domains, ARRAY_COUNT(generic_domains)) ? 2 : 1;
}
