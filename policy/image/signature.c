#include "policy/image/signature.h"

#include "policy/base/text.h"

bool signature_valid(const struct signature *s)
{
	return text_field_valid(s->name, sizeof(s->name)) && s->name[0] &&
		text_field_valid(s->version, sizeof(s->version)) &&
		text_field_valid(s->package, sizeof(s->package)) && s->reserved == 0 &&
		s->reserved2 == 0 && s->package_type < _PACKAGE_TYPE_MAX &&
		(s->package_type != PACKAGE_NONE) == (s->package[0] != '\0') &&
		(s->classes >> _FILE_CLASS_MAX) == 0 && s->min_size <= s->max_size;
}

bool signature_admits(const struct signature *s, enum file_class class, uint64_t size)
{
	return size >= s->min_size && size <= s->max_size &&
		(s->classes == 0 || (s->classes & (1u << class)));
}
