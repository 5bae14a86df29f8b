"""Measures control delay: the product's replay commands in lock-step with the traffic simulator SUMO.

In the order in which a run uses them:

    options     what the command line asks for               scenarios   nets, windows, their rules
    fetch       nets from PyPI                               india       the Indian junction, made here
    network     a SUMO net as junctions                      roads       reader zones, links to neighbours
    product_files  agent.toml, server junction file          street      vehicles become tag reads
    replay      the product's programs as child processes    broker      messages between them
    product     the product as a controller                  baselines/  controllers to compare with
    lamps       aspects become SUMO's lights                 safety      what must never happen
    measures    delay and queues                             run         one run
    pool        many runs, one process each                  report, plots   what came out
"""
