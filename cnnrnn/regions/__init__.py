"""Places in a picture: boxes, anchors, proposals, RoI pooling, suppression, box metrics."""
