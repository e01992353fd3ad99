// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/init_code.h"

#include <string.h>

#include "unwind/cfi_job.h"

static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
static const uint8_t make_room[] = { 0x48, 0x83, 0xec, 0x08 };	     /* sub $8, %rsp */
static const uint8_t give_back[] = { 0x48, 0x83, 0xc4, 0x08, 0xc3 }; /* add $8, %rsp; ret */

static int add_row(struct evp_rule_set *rules, struct evp_cfi_rows *rows, uint64_t vaddr,
		   const struct evp_unwind_rule *rule)
{
	uint32_t id;
	int rc = evp_rule_set_add(rules, rule, &id);

	return rc ? rc : evp_cfi_add_row(rows, vaddr, id);
}

int evp_init_code_compile(const uint8_t *code, size_t len, uint64_t vaddr,
			  struct evp_rule_set *rules, struct evp_cfi_rows *rows)
{
	static const struct evp_unwind_rule none = { .cfa = EVP_CFA_NONE };
	struct evp_unwind_rule r = { .cfa = EVP_CFA_SP, .cfa_off = 8, .ra_off = -8 }, room = r;
	size_t at = 0;

	room.cfa_off = 16;
	if (len >= sizeof(endbr64) && !memcmp(code, endbr64, sizeof(endbr64)))
		at = sizeof(endbr64);
	if (len - at < sizeof(make_room) + sizeof(give_back) || vaddr > EVP_CFI_MAX_VADDR - len ||
	    memcmp(code + at, make_room, sizeof(make_room)) != 0 ||
	    memcmp(code + len - sizeof(give_back), give_back, sizeof(give_back)) != 0)
		return 0;
	at += sizeof(make_room);
	if (evp_rule_set_add(rules, &none, &(uint32_t){ 0 }) || add_row(rules, rows, vaddr, &r) ||
	    add_row(rules, rows, vaddr + at, &room) || add_row(rules, rows, vaddr + len - 1, &r) ||
	    add_row(rules, rows, vaddr + len, &none))
		return -ENOMEM;
	return 0;
}
