/** Counters of the process for Prometheus, the same one however often it is asked for. */
import { Counter, register } from 'prom-client';

/** The counter of this name in the process's default registry, made when it is first asked for. */
export function counterOf<Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []): Counter<Label> {
  const known = register.getSingleMetric(name) as Counter<Label> | undefined;
  return known ?? new Counter({ name, help, labelNames });
}
