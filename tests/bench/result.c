/* Rows of the table, written by the benches as JSON lines. */

#include "tests/bench/result.h"

#include <jansson.h>
#include <stdio.h>

#include "common/log.h"
#include "tests/bench/samples.h"

void
result_add(struct result *r, double v)
{
	if (r->n < RESULT_RUNS_MAX)
		r->v[r->n++] = v;
}

static double
median_of(const double *v, unsigned n)
{
	struct samples	s = { 0 };
	double		m;
	unsigned	i;

	for (i = 0; i < n; i++)
		samples_add(&s, v[i]);
	m = samples_at(&s, 0.5);
	if (n % 2 == 0 && n > 0)
		m = (m + s.v[n / 2]) / 2;
	samples_clear(&s);
	return m;
}

/*
 * How often the base.  Runs are compared pair by pair, since a machine that is
 * slow in one run is slow for both.
 */
static double
result_ratio(const struct result *r, const struct result *base)
{
	double		pairs[RESULT_RUNS_MAX], m;
	unsigned	i;

	if (r->n == base->n) {
		for (i = 0; i < r->n && base->v[i] > 0; i++)
			pairs[i] = r->v[i] / base->v[i];
		if (i == r->n)
			return median_of(pairs, r->n);
	}
	m = median_of(base->v, base->n);
	return m > 0 ? median_of(r->v, r->n) / m : 0;
}

static json_t *
result_ratios(const struct result *r)
{
	json_t	*o = json_object();
	size_t	 i;

	for (i = 0; i < RESULT_BASES; i++)
		if (r->base[i] != NULL && r->base[i]->n > 0)
			json_object_set_new(o, r->base[i]->name,
			    json_real(result_ratio(r, r->base[i])));
	return o;
}

static json_t *
result_goal(const struct result *r)
{
	double	v = median_of(r->v, r->n);

	if (r->goal == GOAL_RATIO_BELOW) {
		if (r->base[0] == NULL || r->base[0]->n == 0)
			return NULL;
		v = result_ratio(r, r->base[0]);
	}
	return json_pack("{s:s, s:f, s:b}",
	    "must_be", r->goal == GOAL_ABOVE ? "at least" :
	    r->goal == GOAL_BELOW ? "below" : "ratio below",
	    "limit", r->limit,
	    "met", r->goal == GOAL_ABOVE ? v >= r->limit : v < r->limit);
}

static json_t *
result_json(const struct result *r)
{
	json_t		*o, *runs = json_array(), *goal;
	struct samples	 s = { 0 };
	unsigned	 i;

	for (i = 0; i < r->n; i++) {
		json_array_append_new(runs, json_real(r->v[i]));
		samples_add(&s, r->v[i]);
	}
	o = json_pack("{s:s, s:s, s:f, s:f, s:f, s:o, s:o}", "name", r->name,
	    "unit", r->unit, "median", median_of(r->v, r->n),
	    "min", samples_at(&s, 1e-9), "max", samples_at(&s, 1), "runs",
	    runs, "ratios", result_ratios(r));
	samples_clear(&s);
	if (o != NULL && r->goal != GOAL_NONE &&
	    (goal = result_goal(r)) != NULL)
		json_object_set_new(o, "goal", goal);
	return o;
}

void
results_write(const struct result *r, size_t n)
{
	json_t	*o;
	size_t	 i;

	for (i = 0; i < n; i++) {
		if (r[i].n == 0)
			continue;
		if ((o = result_json(&r[i])) == NULL ||
		    json_dumpf(o, stdout, JSON_COMPACT |
		    JSON_REAL_PRECISION(9)) == -1 || putchar('\n') == EOF)
			fatalx("%s: cannot be written", r[i].name);
		json_decref(o);
	}
	fflush(stdout);
}
