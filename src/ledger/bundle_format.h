/* bundle_format.h: the constants that bundle.c and import.c share. */
#ifndef LEDGER_BUNDLE_FORMAT_H
#define LEDGER_BUNDLE_FORMAT_H

#define LEDGER_BUNDLE_MAGIC "EADEMBN1"
#define LEDGER_BUNDLE_FORMAT "eadem-bundle-1"
#define LEDGER_MANIFEST_MAGIC "MAN" /* with a NUL: the header after the last object */

#endif
