// Package moverjob builds and observes the Jobs in which data moves. What all
// of them share is here: the pod that runs Soteria's mover, locked down as far
// as its work allows ([Build]); what can be told of a Job from its pod, events,
// log and termination message ([Observe]), also of one that does no work ([Stuck]) or
// should have ended ([Over]); and the life of the Jobs that fill
// primes ([Fills]), which is the same for every driver that fills with Jobs.
package moverjob
