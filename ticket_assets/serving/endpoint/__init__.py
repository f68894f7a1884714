"""What stands between the network and a bundle: messages, the champion that answers, HTTP pages and gRPC.

Belongs here: everything that only the running service needs. Does not belong here: the arithmetic of an answer
(serving/bundle.py), who may ask (serving/access/), what is kept of it (serving/prediction_log/).
"""
